import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import type { ConfigInput } from '../../server/config/schema.js';
import type { Json } from '../../shared/json.js';
import type { ServerMessage, SubscribedMessage, ValueMessage } from '../../shared/messages.js';
import { type Run, run } from '../support/cli.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { replay } from '../support/replay.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const PAD = 'x'.repeat(300);

async function subscribe(wsUrl: string, topic: string, since?: { epoch: string; version: number }) {
  const client = await openWebSocket(wsUrl);
  client.say({ type: 'subscribe', id: 1, topic, since });
  const subscribed = (await client.inbox.nextWhere(({ type }) => type === 'subscribed')) as SubscribedMessage;
  return { ...client, subscribed };
}

async function linesOf(server: Run): Promise<{ url: string; wsUrl: string }> {
  const [, url] = await server.says(/"listener":"http","url":"([^"]+)"/);
  return { url: url!, wsUrl: `${url!.replace('http', 'ws')}/ws` };
}

it('a start that fails leaves the folder to the next one', async () => {
  const state = { dir: join(folder, 'state') };
  const topics = [{ topic: 'a' }, { topic: 'b' }];
  await expect(startServer({ state, topics, limits: { topics: 1 } })).rejects.toMatchObject({
    code: 'limit',
  });
  const { headwater } = await startServer({ state, topics });
  headwater.topic('a').set(1);
  await headwater.close();
});

describe.each(POLICIES)('a server that keeps its state, on %s', (loop) => {
  let fetches: number;
  beforeEach(() => {
    fetches = 0;
  });
  const start = () =>
    startServer({
      loop,
      state: { dir: join(folder, 'state') },
      topics: [{ topic: 'settings' }, { topic: 'log', kind: 'event' }],
      sources: [
        { topic: 'slow', every: '1h', when: 'always', fetch: async () => ({ fetch: ++fetches }) },
        { topic: 'city/{name}', every: '1h', fetch: async () => ({ fetch: ++fetches }) },
      ],
    } satisfies ConfigInput);

  it('lets clients of every kind go on after a restart, and asks no source before its time', async () => {
    const first = await start();
    const settings = first.headwater.topic('settings');
    settings.set({ n: 1, PAD });
    const ws = await subscribe(first.wsUrl, 'settings');
    await subscribe(first.wsUrl, 'city/oslo');
    await until(() => expect(fetches).toBe(2));
    await until(() => expect(first.headwater.topic('slow').version).toBe(1));
    const { epoch } = ws.subscribed;
    settings.set({ n: 2, PAD });
    await ws.inbox.nextWhere((message) => message.type === 'patch');
    const stream = await openEventStream(`${first.url}/topics/settings?mode=patch`);
    const { id } = await stream.inbox.next();
    expect(id).toBe(`${epoch}:2`);
    first.headwater.topic('log', 'event').append('before');
    await until(() => expect(first.headwater.topic('log', 'event').version).toBe(1));
    const log = await subscribe(first.wsUrl, 'log');
    settings.set({ n: 3, PAD });
    await first.headwater.close();

    const second = await start();
    const resumed = await subscribe(second.wsUrl, 'settings', { epoch, version: 1 });
    expect(resumed.subscribed).toMatchObject({ epoch, version: 3, resumed: true });
    expect(await resumed.inbox.next()).toMatchObject({ type: 'patch', from: 1, version: 3 });

    const again = await openEventStream(`${second.url}/topics/settings?mode=patch`, { 'last-event-id': id! });
    expect((await again.inbox.next()).message).toMatchObject({ type: 'patch', from: 2, version: 3 });

    const poll = await fetch(`${second.url}/topics/settings?since=${epoch}:2`);
    expect(poll.headers.get('etag')).toBe(`"${epoch}:3"`);
    expect(await poll.json()).toMatchObject([{ type: 'patch', from: 2, version: 3 }]);

    const events = await subscribe(second.wsUrl, 'log', { epoch: log.subscribed.epoch, version: 0 });
    expect(events.subscribed.resumed).toBe(true);
    expect(await events.inbox.next()).toMatchObject({ type: 'event', version: 1, event: 'before' });

    const city = await subscribe(second.wsUrl, 'city/oslo');
    expect(await city.inbox.next()).toMatchObject({ type: 'value', version: 1 });
    expect((await fetch(`${second.url}/topics/slow`)).status).toBe(200);
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
    expect(fetches).toBe(2);
    const metrics = await (await fetch(`${second.url}/metrics`)).text();
    expect(metrics).toContain('headwater_state_failing 0');
    expect(metrics).toMatch(/headwater_state_bytes [1-9]/);
  });

  it('knows after kill -9 every version that a client has seen', { timeout: 120_000 }, async () => {
    let asked = 0;
    const upstream = createServer((_, response) => {
      asked += 1;
      response.setHeader('content-type', 'application/json').end('{"from":"upstream"}');
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    onTestFinished(() => void upstream.close());
    const { port } = upstream.address() as AddressInfo;
    await writeFile(
      join(folder, 'headwater.config.ts'),
      `let n = 0;
// So large that no number of missed patches is longer, and a history that reaches back however slow this machine is.
const rows = Array.from({ length: 50 }, (_, id) => ({ id, n: 0, pad: 'x'.repeat(1_000) }));
export default {
  loop: '${loop}',
  http: { port: 0 },
  state: { dir: './state' },
  sources: [
    { topic: 'busy', every: '2ms', when: 'always', history: { count: 3_000 }, fetch: async () => {
      n += 1;
      return { life: process.pid, rows: rows.map((row) => (row.id === n % 50 ? { ...row, n } : row)) };
    } },
    { topic: 'calm', every: '1h', when: 'always', fetch: 'http://127.0.0.1:${port}/' },
  ],
};`,
    );
    const seen = new Map<number, string>();
    let held: { epoch: string; version: number; value: Json } | undefined;
    for (let life = 0; life < 4; life++) {
      const server = run(['serve'], { cwd: folder });
      onTestFinished(async () => {
        server.process.kill('SIGKILL');
        await server.ended;
      });
      const { url, wsUrl } = await linesOf(server);
      const client = await subscribe(wsUrl, 'busy', held && { epoch: held.epoch, version: held.version });
      if (held) expect(client.subscribed).toMatchObject({ epoch: held.epoch, resumed: true });
      const { epoch } = client.subscribed;
      const enough = (held?.version ?? 0) + 40;
      await client.inbox.nextWhere((message) => 'version' in message && message.version > enough);
      if (life > 0) {
        // Another client's whole value at a version is what this one makes of its patches.
        const answer = await fetch(`${url}/topics/busy`);
        const [, version] = /:(\d+)"/.exec(answer.headers.get('etag')!)!;
        seen.set(Number(version), JSON.stringify(await answer.json()));
        await client.inbox.nextWhere((message) => 'version' in message && message.version >= Number(version));
        expect(asked).toBe(1);
      } else {
        // Answered, not only asked: what a client can read is kept.
        await until(async () => expect((await fetch(`${url}/topics/calm`)).status).toBe(200));
        expect(asked).toBe(1);
      }
      server.process.kill('SIGKILL');
      await client.closed;
      await server.ended;
      const messages = client.inbox.all as ServerMessage[];
      if (held) expect(messages.some(({ type }) => type === 'value')).toBe(false);
      const begin = held ?? { version: 0 };
      for (const [version, text] of seen) {
        if (version <= begin.version) continue;
        const upTo = messages.filter(
          (message) => !('version' in message) || (message as ValueMessage).version <= version,
        );
        expect(JSON.stringify(replay(upTo, begin).value)).toBe(text);
      }
      const copy = replay(messages, begin);
      held = { epoch, version: copy.version, value: copy.value! };
    }
  });
});

it('a second server on the same folder does not start', async () => {
  const config = { http: { port: 0 }, state: { dir: folder } };
  await startServer(config);
  await expect(createHeadwater(config)).rejects.toMatchObject({ code: 'state_locked' });
});
