import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Run, type RunOptions, run } from '../support/cli.js';
import { until } from '../support/scripted-servers.js';
import { type Route, startSite } from '../support/site.js';

const running: Run[] = [];
afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
});

function gather(args: string[], options?: RunOptions): Run {
  const command = run(['gather', ...args], options);
  running.push(command);
  return command;
}

const HANGS: Route = () => {};
/** ECMA-48: EL and CUU. */
const CLEAR_LINE = '\x1b[K';
const UP_THREE = '\x1b[3A';

describe('headwater gather', () => {
  it('prints each answer as it comes, with how long it took', async () => {
    const site = await startSite({ '/quick': 'quick' });
    const command = gather([`${site.url}/slow`, `${site.url}/quick`]);
    site.routes['/slow'] = (_request, response) => {
      // The other one is printed before this one may answer.
      void command.says(/quick\n/).then(() => response.end('slow'));
    };
    expect(await command.ended).toBe(0);
    const lines = command.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^200 +[\d.]+ m?s +5 B {2}http.*\/quick$/);
    expect(lines[1]).toMatch(/^200 +[\d.]+ m?s +4 B {2}http.*\/slow$/);
    expect(lines[2]).toMatch(/^2 answered in [\d.]+ m?s$/);
  });

  it('ends with 1 when any failed, and gives everything as JSON', async () => {
    const site = await startSite({
      '/json': { type: 'application/json; charset=utf-8', body: '{"a":[1]}' },
      '/text': { type: 'text/plain', body: 'text' },
      '/image': { type: 'image/png', body: Buffer.from([1, 2, 3]) },
      '/hangs': HANGS,
    });
    const urls = ['json', 'text', 'image', 'hangs', 'gone?secret_key=x'].map((path) => `${site.url}/${path}`);
    const command = gather(['--json', '--timeout', '5s', ...urls]);
    expect(await command.ended).toBe(1);
    const elapsed = expect.any(Number);
    expect(JSON.parse(command.stdout)).toEqual({
      elapsed,
      urls: [
        { url: urls[0], state: 'good', elapsed, status: 200, bytes: 9, value: { a: [1] } },
        { url: urls[1], state: 'good', elapsed, status: 200, bytes: 4, value: 'text' },
        { url: urls[2], state: 'good', elapsed, status: 200, bytes: 3 },
        { url: urls[3], state: 'failed', elapsed, error: 'did not answer within 5 s' },
        { url: `${site.url}/gone?secret_key=(secret)`, state: 'failed', elapsed, error: 'answered 404' },
      ],
    });
    await until(() => expect(site.cut).toEqual(['/hangs']));
  });

  it('asks at most --concurrency at a time', async () => {
    let most = 0;
    const site = await startSite({});
    site.routes['/'] = (_request, response) => {
      most = Math.max(most, site.open.size);
      // As many as may be are open at some time, however slowly they come.
      void until(() => expect(most).toBeGreaterThanOrEqual(2)).then(() => response.end('.'));
    };
    const command = gather([
      '--concurrency',
      '2',
      ...Array.from({ length: 8 }, (_, i) => `${site.url}/?${i}`),
    ]);
    expect(await command.ended).toBe(0);
    expect(most).toBe(2);
    expect(site.asked).toHaveLength(8);
  });

  it('says on Ctrl-C what was cancelled and what was not begun', async () => {
    const site = await startSite({ '/good': 'good', '/hangs': HANGS });
    const command = gather([
      '--concurrency',
      '1',
      ...['good', 'hangs', 'good?2'].map((path) => `${site.url}/${path}`),
    ]);
    await until(() => expect(site.asked).toContain('/hangs'));
    command.process.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.stdout).toMatch(
      /^200 .*\/good\ncancelled .*\/hangs\nnot asked .*\/good\?2\n1 answered, 1 cancelled, 1 not asked in/,
    );
    await until(() => expect(site.cut).toEqual(['/hangs']));
    expect(site.asked).toEqual(['/good', '/hangs']);
  });

  it('is a live table in a terminal, which Ctrl-C leaves as it is then', async () => {
    const site = await startSite({ '/good': 'good', '/hangs': HANGS });
    const command = gather([`${site.url}/good`, `${site.url}/hangs`, 'http://127.0.0.1:1/'], {
      under: (words) => ['script', '-qefc', `stty cols 64 rows 20; exec ${words.join(' ')}`, '/dev/null'],
      env: { NO_COLOR: '1' },
    });
    const tables = () => command.stdout.replaceAll(CLEAR_LINE, '').split(UP_THREE);
    // Drawn again in place, the one that hangs still counting.
    await until(() => {
      const counting = tables().filter((table) =>
        /^200 .*\/good\r\nasking .*\/hangs\r\nfailed .*\r\n$/.test(table),
      );
      expect(counting.length).toBeGreaterThan(2);
    });
    for (const line of tables().join('').split('\r\n')) expect(line.length).toBeLessThan(64);
    process.kill(await commandUnder(command), 'SIGINT');
    expect(await command.ended).toBe(130);
    expect(tables().at(-1)).toMatch(
      /^200 .*\r\ncancelled .*\/hangs\r\nfailed .*\r\n1 answered, 1 failed, 1 cancelled in/,
    );
  });

  it('prints lines in a terminal that is too low for the table', async () => {
    const site = await startSite({ '/': 'good' });
    const command = gather(
      Array.from({ length: 6 }, (_, i) => `${site.url}/?${i}`),
      {
        under: (words) => ['script', '-qefc', `stty cols 60 rows 5; exec ${words.join(' ')}`, '/dev/null'],
        env: { NO_COLOR: '1' },
      },
    );
    expect(await command.ended).toBe(0);
    expect(command.stdout).not.toContain('\x1b[');
    expect(command.stdout.match(/^200 /gm)).toHaveLength(6);
  });
});

/** The process that `script` runs. */
async function commandUnder({ process: { pid } }: Run): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}
