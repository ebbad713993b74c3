import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import { type Run, run } from '../support/cli.js';
import { onReservedPort, reservedPort } from '../support/reserved-port.js';
import { AUTHORIZED, startServer } from '../support/server.js';

const running: Run[] = [];
afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
});

function tail(url: string, topic: string, ...flags: string[]): Run {
  const command = run(['tail', topic, '--url', url, ...flags]);
  running.push(command);
  return command;
}

async function publish(url: string, topic: string, method: 'PUT' | 'POST', body: unknown): Promise<void> {
  const headers = { ...AUTHORIZED, 'content-type': 'application/json' };
  const response = await fetch(`${url}/topics/${topic}`, { method, headers, body: JSON.stringify(body) });
  expect(response.ok).toBe(true);
}

const TOPICS = [{ topic: 'board' }, { topic: 'chat', kind: 'event' as const }];

describe('headwater tail', () => {
  it('prints every value as one JSON object a line, and ends after --count of them', async () => {
    const { url } = await startServer({ topics: TOPICS });
    await publish(url, 'board', 'PUT', { score: 1 });
    const command = tail(url, 'board', '--json', '--count', '2');
    await command.says(/"score":1/);
    await publish(url, 'board', 'PUT', { score: 2 });
    expect(await command.ended).toBe(0);
    const lines = command.stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [1, 2].map((score) => ({
        type: 'value',
        topic: 'board',
        epoch: expect.any(String),
        version: score,
        value: { score },
        asOf: expect.stringMatching(/^\d{4}-.*Z$/),
      })),
    );
  });

  it('prints events', async () => {
    const { url } = await startServer({ topics: TOPICS });
    const command = tail(url, 'chat', '--json', '--count', '1');
    // It says nothing until there is an event, so events are sent until one was seen.
    const stop = setInterval(() => void publish(url, 'chat', 'POST', { text: 'hi' }).catch(() => {}), 50);
    expect(await command.ended).toBe(0);
    clearInterval(stop);
    expect(JSON.parse(command.stdout)).toMatchObject({ type: 'event', topic: 'chat', event: { text: 'hi' } });
  });

  it('shows a person the value, and then what changed in it', async () => {
    const { url } = await startServer({ topics: TOPICS });
    await publish(url, 'board', 'PUT', { home: 1, away: 0, list: [1, 2], gone: true });
    const command = tail(url, 'board');
    await command.says(/v1\n[\s\S]*away: 0/);
    await publish(url, 'board', 'PUT', { home: 2, away: 0, list: [1, 2, 3] });
    await command.says(/gone - true\n/);
    expect(command.stdout).toMatch(
      /\d\d:\d\d:\d\d\.\d{3} v2\n {2}\/home 1 → 2\n {2}\/list\/2 \+ 3\n {2}\/gone - true\n$/,
    );
  });

  it('tells of a source that fails and recovers on standard error', async () => {
    let fails = false;
    let count = 0;
    const fetch = () => {
      if (fails) throw new Error('upstream is down');
      return { count: ++count };
    };
    const { url } = await startServer({ sources: [{ topic: 'flaky', every: 50, fetch }] });
    const command = tail(url, 'flaky');
    await command.says(/count/);
    fails = true;
    await command.says(/stale since \d\d:\d\d:\d\d/);
    fails = false;
    await command.says(/fresh again/);
    expect(command.stderr).toMatch(/^stale since .*\nfresh again\n/);
    expect(command.stdout).not.toContain('stale');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with 0 on %s', async (signal) => {
    const { url } = await startServer({ topics: TOPICS });
    await publish(url, 'board', 'PUT', 1);
    const command = tail(url, 'board');
    await command.says(/v1/);
    command.process.kill(signal);
    expect(await command.ended).toBe(0);
    expect(command.stderr).toBe('');
  });

  it('ends with 0 when its reader has seen enough', async () => {
    const { url } = await startServer({
      sources: [{ topic: 'now', every: 20, fetch: () => performance.now() }],
    });
    const command = tail(url, 'now', '--json');
    await command.says(/"version"/);
    command.process.stdout.destroy();
    expect(await command.ended).toBe(0);
  });

  it('says that it reconnects, and goes on where it stopped', async () => {
    const { port, started: first } = await onReservedPort((free) =>
      createHeadwater({ http: { port: free }, topics: TOPICS }),
    );
    first.topic('board').set('before');
    const command = tail(`http://127.0.0.1:${port}`, 'board', '--json', '--count', '2');
    await command.says(/before/);
    await first.close();
    await command.says(/going away|reconnecting/);

    const second = await createHeadwater({ http: { port }, topics: TOPICS });
    onTestFinished(() => second.close());
    second.topic('board').set('after');
    expect(await command.ended).toBe(0);
    expect(command.stderr).toContain('connected again');
    expect(command.stdout.match(/"value":"\w+"/g)).toEqual(['"value":"before"', '"value":"after"']);
  });

  it('ends with 1 for a topic that does not exist', async () => {
    const { url } = await startServer({ topics: TOPICS });
    const command = tail(url, 'nothing/here');
    expect(await command.ended).toBe(1);
    expect(command.stderr).toMatch(/^headwater: .*nothing\/here/);
  });

  it('ends with 1 for a server that is not there, and says why', async () => {
    const url = `http://127.0.0.1:${await reservedPort()}`;
    const command = tail(url, 'board');
    expect(await command.ended).toBe(1);
    expect(command.stderr).toMatch(/^headwater: cannot reach http:\S+: fetch failed: .*ECONNREFUSED/);
  });
});
