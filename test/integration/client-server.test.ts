import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { createHeadwater } from '../../server/app/app.js';
import { type ConnectOptions, connect, type StateUpdate, type Update } from '../../shared/client/index.js';
import { cuttableProxy } from '../support/cuttable-proxy.js';
import { POLICIES } from '../support/policies.js';
import { reservedPort } from '../support/reserved-port.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

const TRANSPORTS = ['websocket', 'sse'] as const;
const SIDES = POLICIES.flatMap((loop) => TRANSPORTS.map((transport) => ({ loop, transport })));
const TOPICS = [{ topic: 'board' }, { topic: 'log/{name}', kind: 'event' as const }];

describe.each(SIDES)('the client against a $loop server over $transport', ({ loop, transport }) => {
  function open(url: string, options: ConnectOptions = {}) {
    const errors: { code: string }[] = [];
    const statuses: string[] = [];
    const client = connect(url, {
      transport,
      WebSocket,
      backoff: { base: 10, max: 50 },
      onError: (error) => errors.push(error),
      ...options,
    });
    onTestFinished(() => client.close());
    client.onStatus((status) => statuses.push(status));
    return { client, errors, statuses };
  }
  const start = (more = {}) => startServer({ loop, topics: TOPICS, ...more });

  test('sees a changing value whole and in order', async () => {
    const { headwater, url } = await start();
    const board = headwater.topic('board');
    board.set({ n: 0, list: ['a'] });
    const { client, errors } = open(url);
    const updates: StateUpdate[] = [];
    client.subscribe('board', (update) => update.kind === 'state' && updates.push(update));
    await until(() => expect(updates).toHaveLength(1));
    for (let n = 1; n <= 50; n++) {
      board.set({ n, list: Array.from({ length: n % 7 }, (_, index) => `item ${index + n}`) });
      await new Promise(setImmediate);
    }
    await until(() => expect(updates.at(-1)?.value).toEqual(board.value));
    const versions = updates.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    expect(errors).toEqual([]);
  });

  test('resumes over a broken connection without a hole or a duplicate', async () => {
    const { headwater, url } = await start();
    const proxy = await cuttableProxy(url);
    const log = headwater.topic('log/a');
    const { client, statuses } = open(proxy.url);
    const versions: number[] = [];
    const kinds = new Set<string>();
    client.subscribe('log/a', (update) => {
      kinds.add(update.kind);
      versions.push(update.version);
    });
    log.append('before anybody listens');
    await until(() => {
      log.append('until heard');
      expect(versions.length).toBeGreaterThan(0);
    });
    for (let round = 0; round < 3; round++) {
      const heard = versions.length;
      proxy.cut();
      for (let event = 0; event < 20; event++) log.append(event);
      await until(() => expect(versions.length).toBeGreaterThanOrEqual(heard + 20));
    }
    await until(() => expect(versions.at(-1)).toBe(log.version));
    expect(versions).toEqual(Array.from({ length: versions.length }, (_, index) => versions[0]! + index));
    expect([...kinds]).toEqual(['event']);
    expect(statuses.filter((status) => status === 'reconnecting')).toHaveLength(3);
  });

  test('takes the new value when the server begins a new life on the same port', async () => {
    const topics = TOPICS;
    const port = await reservedPort();
    const first = await createHeadwater({ loop, topics, http: { port }, drainTimeout: 200 });
    const { url } = first.listeners[0]!;
    first.topic('board').set('old');
    first.topic('board').set('older');
    const { client, statuses } = open(url);
    const updates: StateUpdate[] = [];
    client.subscribe('board', (update) => update.kind === 'state' && updates.push(update));
    await until(() => expect(updates.at(-1)?.value).toBe('older'));
    await first.close();
    const second = await createHeadwater({ loop, topics, http: { port }, drainTimeout: 200 });
    onTestFinished(() => second.close());
    second.topic('board').set('new');
    await until(() => expect(updates.at(-1)?.value).toBe('new'));
    expect(updates.at(-1)?.epoch).not.toBe(updates[0]?.epoch);
    expect(statuses).toContain('reconnecting');
    expect(client.status).toBe('open');
  });

  test('is told why a topic is refused', async () => {
    const { url } = await start();
    const { client } = open(url);
    await expect(client.watch('nope').next()).rejects.toMatchObject({ code: 'unknown_topic' });
  });

  test('waits for the first value of a topic that has none', async () => {
    const { headwater, url } = await start();
    const { client } = open(url);
    const first = client.watch('board').next();
    await until(() => expect(client.status).toBe('open'));
    headwater.topic('board').set({ here: true });
    expect((await first).value).toMatchObject({ value: { here: true } });
  });

  test('tells when the source fails and when it works again', async () => {
    let failing = false;
    let count = 0;
    const { url } = await start({
      sources: [
        {
          topic: 'feed',
          every: '20ms',
          fetch: async () => {
            if (failing) throw new Error('the feed is down');
            return { count: count++ };
          },
        },
      ],
    });
    const { client } = open(url);
    let last: Update | undefined;
    const stale = () => (last?.kind === 'state' ? last.stale : 'nothing yet');
    client.subscribe('feed', (update) => {
      last = update;
    });
    await until(() => expect(stale()).toBeUndefined());
    failing = true;
    await until(() => expect(stale()).toMatch(/./));
    failing = false;
    await until(() => expect(stale()).toBeUndefined());
  });

  test('leaves no socket behind', async () => {
    const { headwater, url } = await start();
    headwater.topic('board').set(1);
    const { client } = open(url);
    await client.watch('board').next();
    await client.close();
    await until(async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/connections\S* 0\n/);
    });
  });
});
