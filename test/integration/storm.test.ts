import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ServerMessage } from '../../shared/messages.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { crowdIsTooLarge, gatherCrowd } from '../support/crowd.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { reservedPort } from '../support/reserved-port.js';
import { type Served, serve } from '../support/served.js';
import { AUTHORIZED, startServer, type TestServer, TOKEN } from '../support/server.js';

const CROWD = 5_000;
const obstacle = crowdIsTooLarge(CROWD);
if (obstacle) console.warn(`skipped: ${obstacle}`);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-storm-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** An upstream whose document changes a little with each request. */
async function changingUpstream() {
  let asked = 0;
  const rows = Array.from({ length: 40 }, (_, id) => ({ id, price: 100 }));
  const upstream = createServer((_, response) => {
    asked += 1;
    rows[asked % rows.length] = { id: asked % rows.length, price: 100 + asked };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ asked, rows }));
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  onTestFinished(() => void upstream.close());
  return {
    url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`,
    get asked() {
      return asked;
    },
  };
}

async function refresh(server: Served): Promise<void> {
  const answer = await fetch(`${server.url}/refresh/prices`, { method: 'POST', headers: AUTHORIZED });
  expect(answer.ok).toBe(true);
}

const told = (message: ServerMessage) =>
  message.type === 'gap'
    ? `gap ${message.from} ${message.version}`
    : `${message.type} ${'version' in message && message.version}`;

/** How each transport comes back with a cursor: what it is told, up to version `last`. */
const COMING_BACK: Readonly<
  Record<
    string,
    (server: TestServer, topic: string, epoch: string, since: number, last: number) => Promise<string[]>
  >
> = {
  async WebSockets({ wsUrl }, topic, epoch, since, last) {
    const { inbox, say } = await openWebSocket(wsUrl);
    say({ type: 'subscribe', id: 1, topic, since: { epoch, version: since } });
    await inbox.nextWhere((message) => message.type !== 'subscribed' && told(message).endsWith(` ${last}`));
    return inbox.all.filter(({ type }) => type !== 'hello' && type !== 'subscribed').map(told);
  },
  async 'event streams'({ url }, topic, epoch, since, last) {
    const { inbox } = await openEventStream(`${url}/topics/${topic}`, {
      'last-event-id': `${epoch}:${since}`,
    });
    await inbox.nextWhere(({ message }) => told(message).endsWith(` ${last}`));
    return inbox.all.map(({ message }) => told(message));
  },
  async 'long-polls'({ url }, topic, epoch, since) {
    const answer = await fetch(`${url}/topics/${topic}?since=${epoch}:${since}`);
    return ((await answer.json()) as ServerMessage[]).map(told);
  },
};

describe.each(POLICIES)('a storm on %s', (loop) => {
  it.skipIf(obstacle)(
    `${CROWD} clients that come back at once cost no upstream call and no encoding each, and end with the exact value`,
    { timeout: 300_000 },
    async () => {
      const upstream = await changingUpstream();
      const port = await reservedPort();
      const config = {
        loop,
        http: { port },
        state: { dir: './state' },
        limits: { connections: CROWD + 10 },
        auth: { publish: { tokens: [TOKEN] } },
        sources: [{ topic: 'prices', every: '1h', fetch: upstream.url }],
      };
      const crowd = await gatherCrowd(CROWD);
      const first = await serve(folder, config);
      await crowd.come(first.port, 'prices', 200);
      await refresh(first);
      expect((await crowd.settle(2)).holds).toHaveLength(1);
      first.run.process.kill('SIGKILL');
      await crowd.gone();
      await first.run.ended;

      const second = await serve(folder, config);
      await refresh(second);
      await refresh(second);
      const asked = upstream.asked;
      const encodings = await second.metric('headwater_encodings_total');
      const cpu = await second.metric('process_cpu_seconds_total');
      const back = await crowd.come(second.port, 'prices', CROWD);
      const spent = (await second.metric('process_cpu_seconds_total')) - cpu;
      console.info(
        `${loop}: ${CROWD} clients were back in ${Math.round(back.elapsed)} ms, for ${Math.round((spent / CROWD) * 1e6)} us of server CPU each`,
      );

      const answer = await fetch(`${second.url}/topics/prices`);
      const state = `${JSON.parse(answer.headers.get('etag')!)} ${JSON.stringify(await answer.json())}`;
      expect(back).toMatchObject({ faults: [], values: 0, patches: CROWD, resumed: CROWD });
      expect(back.holds).toEqual([[state, CROWD]]);
      expect(upstream.asked).toBe(asked);
      expect((await second.metric('headwater_encodings_total')) - encodings).toBe(1);
    },
  );

  it('answers a crowd of long-polls that missed the same with bytes made once', async () => {
    const { headwater, url } = await startServer({ loop, topics: [{ topic: 'board' }] });
    const board = headwater.topic('board');
    board.set({ n: 1, pad: 'x'.repeat(300) });
    const { headers } = await fetch(`${url}/topics/board`);
    board.set({ n: 2, pad: 'x'.repeat(300) });
    const since = JSON.parse(headers.get('etag')!);
    const encodings = async () =>
      Number(/^headwater_encodings_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())![1]);
    const before = await encodings();
    const answers = await Promise.all(
      Array.from({ length: 200 }, async () => (await fetch(`${url}/topics/board?since=${since}`)).json()),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject([{ type: 'patch', from: 1, version: 2 }]);
    expect((await encodings()) - before).toBe(1);
  });

  it('answers a crowd that reads an event topic with bytes made once a version', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'log', kind: 'event' }] });
    const log = server.headwater.topic('log', 'event');
    const before = (await metric(server, 'encodings_total'))!;
    for (const expected of [[1], [1, 2]]) {
      log.append({ n: expected.length });
      const answers = await Promise.all(
        Array.from({ length: 40 }, async () => (await fetch(`${server.url}/topics/log`)).json()),
      );
      const history = expected.map((n) => ({ version: n, event: { n } }));
      expect(answers).toEqual(Array.from({ length: 40 }, () => history));
    }
    expect((await metric(server, 'encodings_total'))! - before).toBe(2);
  });

  describe.each(Object.keys(COMING_BACK))('of %s that missed events', (transport) => {
    // 200 KB of history are cut into four shares.
    const KEPT = 20;
    const LAST = 30;
    const EACH = 40;
    const events = (after: number) =>
      Array.from({ length: LAST - after }, (_, index) => `event ${after + index + 1}`);

    it.each([
      ['all of them stopped where history reaches', [12], events(12), 4],
      ['all of them stopped before history begins', [3], ['gap 3 10', ...events(LAST - KEPT)], 5],
    ])('is encoded once, where %s', async (_, stops, expected, encodings) => {
      await storm(stops, () => expected, encodings);
    });

    it('is encoded once a stop, where they stopped at many versions', async () => {
      // On the way to the end of their share; after that they go together, but for long-polls.
      await storm([13, 14, 15, 12, 11], events, transport === 'long-polls' ? 5 : 5 + 3);
    });

    async function storm(stops: number[], expected: (stop: number) => string[], encodings: number) {
      const topics = [{ topic: 'log', kind: 'event' as const, history: { count: KEPT } }];
      const server = await startServer({ loop, topics });
      const log = server.headwater.topic('log', 'event');
      for (let version = 1; version <= LAST; version++) log.append('x'.repeat(10_000));
      const { headers } = await fetch(`${server.url}/topics/log`);
      const [epoch, version] = JSON.parse(headers.get('etag')!).split(':');
      expect(Number(version)).toBe(LAST);

      const before = (await metric(server, 'encodings_total'))!;
      const crowd = Array.from({ length: EACH }, (_, index) => stops[index % stops.length]!);
      const got = await Promise.all(
        crowd.map((stop) => COMING_BACK[transport]!(server, 'log', epoch, stop, LAST)),
      );
      expect(got).toEqual(crowd.map(expected));
      expect((await metric(server, 'encodings_total'))! - before).toBeLessThanOrEqual(encodings);
    }
  });

  it('tells event streams to come back at times of their own', async () => {
    const { headwater, url } = await startServer({ loop, topics: [{ topic: 'board' }] });
    headwater.topic('board').set(1);
    const streams = await Promise.all(
      Array.from({ length: 40 }, () => openEventStream(`${url}/topics/board`)),
    );
    await Promise.all(streams.map(({ inbox }) => inbox.next()));
    const times = streams.map((stream) => Number(/^retry: (\d+)$/m.exec(stream.text())![1]));
    expect(new Set(times).size).toBeGreaterThan(20);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(300);
  });
});
