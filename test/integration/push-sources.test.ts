import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../server/config/parse.js';
import type { ConfigInput } from '../../server/config/schema.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { until } from '../support/scripted-servers.js';
import { AUTHORIZED, startServer } from '../support/server.js';
import { streamUpstream } from '../support/stream-upstream.js';

describe.each(POLICIES)('on %s, a source that pushes', (loop) => {
  it('runs from the upstream to the client, without an interval', async () => {
    const upstream = await streamUpstream();
    const { wsUrl, url } = await startServer({
      loop,
      sources: [{ topic: 'log', kind: 'event', history: { count: 2 }, fetch: { stream: upstream.url } }],
    });
    const client = await openWebSocket(wsUrl);
    client.say({ type: 'subscribe', id: 1, topic: 'log' });
    (await upstream.request(0)).open().write('data: 1\n\ndata: 2\n\ndata: 3\n\n');
    const events: unknown[] = [];
    while (events.length < 3) {
      const message = await client.inbox.nextWhere(({ type }) => type === 'event');
      if (message.type === 'event') events.push(message.event);
    }
    expect(events).toEqual([1, 2, 3]);
    const kept = await (await fetch(`${url}/topics/log`)).json();
    expect(kept).toEqual([
      { version: 2, event: 2 },
      { version: 3, event: 3 },
    ]);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^headwater_streams_connected 1$/m);
    const tasks = await (await fetch(`${url}/debug/tasks`, { headers: { accept: 'text/plain' } })).text();
    expect(tasks).toMatch(/^ {2}follow log {2}pending/m);
  });

  it('follows a topic of another Headwater', async () => {
    const other = await startServer({ loop, topics: [{ topic: 'x' }] });
    other.headwater.topic('x').set({ n: 1 });
    const { url, headwater } = await startServer({
      loop,
      sources: [{ topic: 'y', when: 'always', fetch: { stream: `${other.url}/topics/x`, select: '/value' } }],
    });
    const { inbox } = await openEventStream(`${url}/topics/y`);
    await inbox.nextWhere(({ message }) => message.type === 'value');
    other.headwater.topic('x').set({ n: 2 });
    await until(() => expect(headwater.topic('y').value).toEqual({ n: 2 }));
  });
});

it('a generator in code is a source that pushes', async () => {
  const { headwater, url } = await startServer({
    sources: [
      {
        topic: 'ticks',
        when: 'always',
        fetch: async function* ({ signal }) {
          for (let n = 1; n <= 3; n++) yield { n };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      },
    ],
  });
  await until(() => expect(headwater.topic('ticks').value).toEqual({ n: 3 }));
  const refreshed = await fetch(`${url}/refresh/ticks`, { method: 'POST', headers: AUTHORIZED });
  expect(refreshed.status).toBe(200);
});

describeWithRedis('events out of Redis', () => {
  const eventsOf = async (url: string, topic: string) =>
    ((await (await fetch(`${url}/topics/${topic}`)).json()) as { event: unknown }[]).map(
      ({ event }) => event,
    );

  it('are the entries of a stream, each once, also those added while Redis could not be reached', async () => {
    const redis = await startRedis();
    await redis.client.xadd('log', '1-0', 'n', '1');
    await redis.client.xadd('log', '2-0', 'n', '2');
    const { url } = await startServer({
      redis: { url: redis.url },
      sources: [
        { topic: 'log', kind: 'event', when: 'always', fetch: { redis: { stream: 'log', count: 1 } } },
      ],
    });
    const entry = (n: number) => ({ id: `${n}-0`, fields: { n } });
    await until(async () => expect(await eventsOf(url, 'log')).toEqual([entry(2)]));
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for (let n = 3; n <= 600; n++) await redis.client.xadd('log', `${n}-0`, 'n', n);
    await until(async () => {
      const events = await eventsOf(url, 'log');
      expect(events.at(-1)).toEqual(entry(600));
      expect(events).toEqual(Array.from({ length: events.length }, (_, i) => entry(601 - events.length + i)));
    });
    await redis.kill();
    await redis.start();
    await redis.client.xadd('log', '1-0', 'n', '1');
    await until(async () => expect((await eventsOf(url, 'log')).at(-1)).toEqual(entry(1)));
  });

  it('go on behind the last one over a restart where the state is kept: none is lost or doubled', async () => {
    const redis = await startRedis();
    const dir = await mkdtemp(join(tmpdir(), 'headwater-push-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const fetch = { redis: { stream: 'log', count: 2 } };
    const config: ConfigInput = {
      redis: { url: redis.url },
      state: { dir },
      sources: [
        { topic: 'log', kind: 'event', when: 'always', fetch },
        { topic: 'made', kind: 'event', when: 'always', fetch, transform: (value) => value },
      ],
    };
    const add = async (from: number, to: number) => {
      for (let n = from; n <= to; n++) await redis.client.xadd('log', `${n}-0`, 'n', n);
    };
    const entries = (...ns: number[]) => ns.map((n) => ({ id: `${n}-0`, fields: { n } }));
    await add(1, 3);
    const first = await startServer(config);
    await until(async () => {
      expect(await eventsOf(first.url, 'log')).toEqual(entries(2, 3));
      expect(await eventsOf(first.url, 'made')).toEqual(entries(2, 3));
    });
    await first.headwater.close();
    await add(4, 7);
    const second = await startServer(config);
    await until(async () => expect(await eventsOf(second.url, 'log')).toEqual(entries(2, 3, 4, 5, 6, 7)));
    await until(async () => expect(await eventsOf(second.url, 'made')).toEqual(entries(2, 3, 4, 5, 6, 7)));
    await second.headwater.close();
    const third = await startServer(config);
    await add(8, 8);
    await until(async () => expect(await eventsOf(third.url, 'log')).toEqual(entries(2, 3, 4, 5, 6, 7, 8)));
  });

  it('are the messages on a channel', async () => {
    const redis = await startRedis();
    const { url } = await startServer({
      redis: { url: redis.url },
      sources: [{ topic: 'news', kind: 'event', when: 'always', fetch: { redis: { channel: 'news' } } }],
    });
    await until(async () => expect(await redis.client.publish('news', '0')).toBe(1));
    for (let n = 1; n < 100; n++) await redis.client.publish('news', String(n));
    await until(async () =>
      expect(await eventsOf(url, 'news')).toEqual(Array.from({ length: 100 }, (_, n) => n)),
    );
  });
});

describe('a configuration is refused', () => {
  const problems = (source: object) => {
    try {
      parseConfig({ sources: [{ topic: 'q', ...source }] } as ConfigInput);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  it.each<[string, object, string]>([
    [
      'events of what is fetched',
      { every: '1s', kind: 'event', fetch: 'http://a' },
      'sources[0].kind: found "event", expected state: events come only from',
    ],
    [
      'an interval of what pushes',
      { every: '1s', fetch: { stream: 'http://a' } },
      'sources[0].every: found "1s", expected none: the source pushes',
    ],
    [
      'no interval of what is fetched',
      { fetch: 'http://a' },
      'sources[0].every: found nothing, expected a duration such as',
    ],
    [
      'sinks of events',
      { kind: 'event', fetch: { stream: 'http://a' }, sinks: [{ file: 'a.json' }] },
      'sources[0].sinks: found a list, expected none',
    ],
    [
      'a format that is none',
      { fetch: { stream: 'http://a', format: 'xml' } },
      'sources[0].fetch.format: found "xml", expected one of sse, ndjson',
    ],
    [
      'names of events where there are none',
      { fetch: { stream: 'http://a', format: 'ndjson', events: ['price'] } },
      'sources[0].fetch.events: found a list, expected none: JSON lines have no names',
    ],
    [
      'no name of an event',
      { fetch: { stream: 'http://a', events: [] } },
      'sources[0].fetch.events: found a list, expected at least one name',
    ],
  ])('with %s', (_name, source, says) => expect(problems(source)).toContain(says));
});
