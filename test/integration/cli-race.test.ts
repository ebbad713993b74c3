import { afterEach, describe, expect, it } from 'vitest';
import { type Run, run } from '../support/cli.js';
import { until } from '../support/scripted-servers.js';
import { type Route, startSite, to } from '../support/site.js';

const running: Run[] = [];
afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
});

function race(...args: string[]): Run {
  const command = run(['race', ...args]);
  running.push(command);
  return command;
}

const JSON_BODY = (value: unknown): Route => ({ type: 'application/json', body: JSON.stringify(value) });
const HANGS: Route = () => {};
/** Begins to answer and goes no further. */
const STALLS: Route = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"half":');
};

describe('headwater race', () => {
  it('prints the first good answer, and cuts the others off', async () => {
    const site = await startSite({
      '/fast': JSON_BODY({ a: 1 }),
      '/hangs': HANGS,
      '/stalls': STALLS,
      '/bad': { status: 500 },
    });
    site.routes['/fast'] = (_request, response) => {
      // Once all others have had their chance.
      void until(() => {
        expect(site.asked).toHaveLength(4);
        expect(site.answered).toEqual([500]);
      }).then(() => response.end('{"a":1}'));
    };
    const command = race(...['bad', 'hangs', 'fast', 'stalls'].map((path) => `${site.url}/${path}`));
    expect(await command.ended).toBe(0);
    expect(command.stdout).toBe('{"a":1}');
    const lines = command.stderr.trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/ +[\d.]+ m?s( +\d+ B)? +/, ' ').trim())).toEqual([
      `failed ${site.url}/bad answered 500`,
      `cancelled ${site.url}/hangs`,
      `winner 200 ${site.url}/fast`,
      `cancelled ${site.url}/stalls`,
    ]);
    await until(() => expect(site.cut.toSorted()).toEqual(['/hangs', '/stalls']));
  });

  it('gives all timings as JSON, with secrets in URLs hidden', async () => {
    const site = await startSite({ '/a': JSON_BODY([1, 2]), '/b': HANGS });
    const secret = `${site.url.replace('://', '://me:hunter2@')}/a?api_key=s3cret&page=1`;
    const command = race('--json', secret, `${site.url}/b?token=s3cret`);
    expect(await command.ended).toBe(0);
    expect(`${command.stdout}${command.stderr}`).not.toMatch(/hunter2|s3cret/);
    const shown = `${site.url.replace('://', '://(secret)@')}/a?api_key=(secret)&page=1`;
    expect(JSON.parse(command.stdout)).toEqual({
      winner: shown,
      elapsed: expect.any(Number),
      value: [1, 2],
      urls: [
        { url: shown, state: 'good', elapsed: expect.any(Number), status: 200, bytes: 5 },
        { url: `${site.url}/b?token=(secret)`, state: 'late', elapsed: expect.any(Number) },
      ],
    });
    expect(site.asked).toContain('/a?api_key=s3cret&page=1');
  });

  it('with --hedge asks the next one only when one is slow', async () => {
    const site = await startSite({ '/first': JSON_BODY(1), '/second': JSON_BODY(2) });
    const quick = race('--hedge', '30s', `${site.url}/first`, `${site.url}/second`, '--json');
    expect(await quick.ended).toBe(0);
    expect(JSON.parse(quick.stdout).urls[1]).toEqual({ url: `${site.url}/second`, state: 'unasked' });
    expect(site.asked).toEqual(['/first']);

    site.routes['/first'] = HANGS;
    const slow = race('--hedge', '50ms', `${site.url}/first`, `${site.url}/second`);
    expect(await slow.ended).toBe(0);
    expect(slow.stdout).toBe('2');
    await until(() => expect(site.cut).toEqual(['/first']));
  });

  it('with --hedge asks the next one at once when one fails', async () => {
    const site = await startSite({ '/good': JSON_BODY(1) });
    // The hedge is longer than the test may take.
    const command = race('--hedge', '10m', `${site.url}/gone`, 'http://127.0.0.1:1/', `${site.url}/good`);
    expect(await command.ended).toBe(0);
    expect(command.stdout).toBe('1');
  });

  it('ends with 1 and the reason of each when none is good', async () => {
    const site = await startSite({
      '/bad': { status: 503 },
      '/hangs': HANGS,
      '/away': to('ftp://example.com/'),
      '/round': to('/round'),
    });
    const paths = ['bad', 'hangs', 'away', 'round'].map((path) => `${site.url}/${path}`);
    const command = race('--timeout', '5s', ...paths, 'http://127.0.0.1:1/');
    expect(await command.ended).toBe(1);
    expect(command.stdout).toBe('');
    for (const reason of [
      /bad answered 503/,
      /hangs did not answer within 5 s/,
      /away redirected to ftp:, which is not the web/,
      /round redirected more than 5 times/,
      /127\.0\.0\.1:1\/ refused the connection/,
      /No good answer came/,
    ])
      expect(command.stderr).toMatch(reason);
    const json = race('--json', `${site.url}/bad`);
    expect(await json.ended).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      winner: null,
      urls: [{ state: 'failed', error: 'answered 503' }],
    });
  });

  it('is cancelled by Ctrl-C, says so, and leaves no request', async () => {
    const site = await startSite({ '/a': HANGS, '/b': STALLS });
    const command = race(`${site.url}/a`, `${site.url}/b`);
    await until(() => expect(site.asked).toHaveLength(2));
    command.process.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.stderr).toMatch(/cancelled .*\/a\n.*cancelled .*\/b\nInterrupted/);
    await until(() => expect(site.cut).toHaveLength(2));
  });

  it.each([
    [['example.com'], /"example\.com" is no URL/],
    [['ftp://me:hunter2@example.com/'], /"ftp:\/\/\(secret\)@example\.com\/" is no URL/],
    [['http://a.example/', '--timeout', '0'], /--timeout is "0"; it must be a time/],
    [['http://a.example/', '--hedge', 'soon'], /--hedge is "soon"/],
    [[], /missing required argument 'url'/],
  ])('refuses %j as wrong usage', async (args, message) => {
    const command = race(...args);
    expect(await command.ended).toBe(2);
    expect(command.stderr).toMatch(message);
  });
});
