import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../server/config/schema.js';
import type { FunctionContext } from '../../server/source/source.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { echoUpstream } from '../support/echo-upstream.js';
import { POLICIES } from '../support/policies.js';
import { until } from '../support/scripted-servers.js';
import { AUTHORIZED, startServer } from '../support/server.js';
import { streamUpstream } from '../support/stream-upstream.js';

type SourceInput = NonNullable<ConfigInput['sources']>[number];

interface Listed {
  topic: string;
  subscribers: number;
}

const topicsOf = async (url: string) =>
  ((await (await fetch(`${url}/topics`)).json()) as Listed[]).map(({ topic }) => topic);

const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text();

/** A template in code that counts its fetches. */
function counted(options: Partial<SourceInput> = {}) {
  const fetched: string[] = [];
  const source: SourceInput = {
    topic: 'weather/{city}',
    every: '1h',
    fetch: ({ parameters }: FunctionContext) => {
      fetched.push(parameters.city!);
      return { city: parameters.city! };
    },
    ...options,
  };
  return { source, fetched };
}

describe.each(POLICIES)('a template on %s', (loop) => {
  it('serves each topic that fits it, begun by its first subscriber', async () => {
    const { source, fetched } = counted();
    const { url, wsUrl } = await startServer({ loop, sources: [source] });
    expect(await topicsOf(url)).toEqual([]);
    const client = await openWebSocket(wsUrl);
    client.say({ type: 'subscribe', id: 1, topic: 'weather/oslo' });
    const value = await client.inbox.nextWhere(({ type }) => type === 'value');
    expect(value).toMatchObject({ topic: 'weather/oslo', version: 1, value: { city: 'oslo' } });
    const other = await openEventStream(`${url}/topics/weather/bergen`);
    expect((await other.inbox.next()).message).toMatchObject({ value: { city: 'bergen' } });
    client.say({ type: 'subscribe', id: 2, topic: 'weather/bergen' });
    await client.inbox.nextWhere(({ type }) => type === 'value');
    expect(fetched).toEqual(['oslo', 'bergen']);
    expect(await topicsOf(url)).toEqual(['weather/bergen', 'weather/oslo']);
  });

  it('fetches a topic that nobody watches once for all who read it, and no more', async () => {
    let answer: (value: number) => void = () => {};
    let fetches = 0;
    const { url } = await startServer({
      loop,
      sources: [
        {
          topic: 'n/{a}/{b}',
          every: '1h',
          fetch: ({ parameters: { a, b } }: FunctionContext) => {
            fetches += 1;
            return new Promise((resolve) => (answer = (n) => resolve(`${a}${b}${n}`)));
          },
        },
      ],
    });
    const reads = Array.from({ length: 20 }, () => fetch(`${url}/topics/n/x/y`));
    await until(() => expect(fetches).toBe(1));
    answer(1);
    for (const read of reads) expect(await (await read).json()).toBe('xy1');
    expect(await (await fetch(`${url}/topics/n/x/y`)).json()).toBe('xy1');
    expect(fetches).toBe(1);
    const refresh = fetch(`${url}/refresh/n/x/y`, { method: 'POST', headers: AUTHORIZED });
    await until(() => expect(fetches).toBe(2));
    answer(2);
    expect((await refresh).status).toBe(200);
    expect(await (await fetch(`${url}/topics/n/x/y`)).json()).toBe('xy2');
  });

  it('knows no topic whose parameter does not match its pattern', async () => {
    const { source, fetched } = counted({ parameters: { city: '[a-z-]{1,40}' } });
    const { url, wsUrl } = await startServer({ loop, sources: [source] });
    for (const name of [
      'weather/Oslo',
      `weather/${'a'.repeat(41)}`,
      'weather/a.b',
      'weather',
      'weather/a/b',
    ]) {
      const response = await fetch(`${url}/topics/${name}`);
      expect([name, response.status]).toEqual([name, 404]);
      expect(await response.json()).toMatchObject({ code: 'unknown_topic' });
    }
    const client = await openWebSocket(wsUrl);
    client.say({ type: 'subscribe', id: 1, topic: 'weather/OSLO' });
    expect(await client.inbox.nextWhere(({ type }) => type === 'error')).toMatchObject({
      code: 'unknown_topic',
    });
    expect(await topicsOf(url)).toEqual([]);
    expect(fetched).toEqual([]);
  });

  it('makes room among its idle topics where the server may hold fewer than it', async () => {
    const { source } = counted();
    const { url, wsUrl } = await startServer({ loop, limits: { topics: 2 }, sources: [source] });
    const client = await openWebSocket(wsUrl);
    client.say({ type: 'subscribe', id: 1, topic: 'weather/oslo' });
    await client.inbox.nextWhere(({ type }) => type === 'value');
    for (const city of ['rome', 'bonn', 'bern'])
      expect((await fetch(`${url}/topics/weather/${city}`)).status).toBe(200);
    expect(await topicsOf(url)).toEqual(['weather/bern', 'weather/oslo']);
    client.say({ type: 'subscribe', id: 2, topic: 'weather/bern' });
    await client.inbox.nextWhere(({ type }) => type === 'value');
    expect((await fetch(`${url}/topics/weather/rome`)).status).toBe(429);
  });

  it('refuses one topic too many while all are in use; the connection stays, and nothing is left behind', async () => {
    const { source, fetched } = counted({ max: 2 });
    const { url, wsUrl, headwater } = await startServer({ loop, sources: [source] });
    const client = await openWebSocket(wsUrl);
    const subscribe = (id: number, city: string) =>
      client.say({ type: 'subscribe', id, topic: `weather/${city}` });
    subscribe(1, 'oslo');
    subscribe(2, 'rome');
    subscribe(3, 'bonn');
    const refusal = await client.inbox.nextWhere(({ type }) => type === 'error');
    expect(refusal).toMatchObject({ id: 3, topic: 'weather/bonn', code: 'limit' });
    expect((refusal as { message: string }).message).toMatch(/at most|at once/);
    const read = await fetch(`${url}/topics/weather/bonn`);
    expect(read.status).toBe(429);
    expect(await read.json()).toMatchObject({ code: 'limit' });
    expect(
      (await fetch(`${url}/topics/weather/bonn`, { headers: { accept: 'text/event-stream' } })).status,
    ).toBe(429);
    expect(headwater.topics()).toEqual(['weather/oslo', 'weather/rome']);

    client.say({ type: 'unsubscribe', id: 4, topic: 'weather/oslo' });
    subscribe(5, 'bonn');
    await client.inbox.nextWhere((message) => message.type === 'value' && message.topic === 'weather/bonn');
    expect(headwater.topics()).toEqual(['weather/rome', 'weather/bonn']);
    expect(fetched).toEqual(['oslo', 'rome', 'bonn']);
    const metrics = await metricsOf(url);
    expect(metrics).toContain('headwater_template_instances{template="weather/{city}"} 2');
    expect(metrics).toContain('headwater_template_evictions_total{template="weather/{city}"} 1');
    expect(metrics).toContain('headwater_template_refusals_total{template="weather/{city}"} 3');
  });

  it('lets the topic that was idle longest make room, and begins it anew in another life', async () => {
    const { source, fetched } = counted({ max: 2 });
    const { url, headwater } = await startServer({ loop, sources: [source] });
    const read = async (city: string) => (await fetch(`${url}/topics/weather/${city}`)).headers.get('etag');
    const oslo = await read('oslo');
    await read('rome');
    expect(await read('oslo')).toBe(oslo);
    await read('bonn');
    expect(headwater.topics()).toEqual(['weather/oslo', 'weather/bonn']);
    await read('rome');
    const again = await read('oslo');
    expect(again).not.toBe(oslo);
    expect(again).toMatch(/:1"$/);
    expect(fetched).toEqual(['oslo', 'rome', 'bonn', 'rome', 'oslo']);
  });

  it('stops a linger after the last subscriber left', async () => {
    const { source, fetched } = counted({ every: '20ms', linger: '100ms' });
    const { wsUrl, url } = await startServer({ loop, sources: [source] });
    const client = await openWebSocket(wsUrl);
    client.say({ type: 'subscribe', id: 1, topic: 'weather/oslo' });
    await until(() => expect(fetched.length).toBeGreaterThan(3));
    client.say({ type: 'unsubscribe', id: 2, topic: 'weather/oslo' });
    await client.inbox.nextWhere(({ type }) => type === 'unsubscribed');
    let before = -1;
    await expect
      .poll(
        () => {
          const still = before === fetched.length;
          before = fetched.length;
          return still;
        },
        { interval: 150 },
      )
      .toBe(true);
    expect(await (await fetch(`${url}/topics/weather/oslo`)).json()).toEqual({ city: 'oslo' });
  });

  it('begins a thousand at once, and shows them to those who look inside', async () => {
    const open: (() => void)[] = [];
    const { url, wsUrl, headwater } = await startServer({
      loop,
      limits: { subscriptionsPerConnection: 0, messagesPerSecond: 0 },
      sources: [
        {
          topic: 'item/{id}',
          every: '1h',
          fetch: ({ parameters }: FunctionContext) =>
            new Promise((resolve) => void open.push(() => resolve(Number(parameters.id)))),
        },
      ],
    });
    const client = await openWebSocket(wsUrl);
    for (let id = 0; id < 1_000; id++) client.say({ type: 'subscribe', id, topic: `item/${id}` });
    await until(() => expect(open.length).toBe(1_000));
    const tasks = await (await fetch(`${url}/debug/tasks`, { headers: { accept: 'text/plain' } })).text();
    expect(tasks).toContain('  fetch item/0 ');
    expect(tasks).toContain('  fetch item/999 ');
    for (const answer of open) answer();
    const values = new Map<string, unknown>();
    while (values.size < 1_000) {
      const message = await client.inbox.nextWhere(({ type }) => type === 'value');
      if (message.type === 'value') values.set(message.topic, message.value);
    }
    for (let id = 0; id < 1_000; id++) expect(values.get(`item/${id}`)).toBe(id);
    expect(headwater.topics().length).toBe(1_000);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await headwater.close();
    expect(open.length).toBe(1_000);
  });

  it('puts a parameter into path, query, header and body, and nowhere else', async () => {
    const upstream = await echoUpstream();
    const { url } = await startServer({
      loop,
      sources: [
        {
          topic: 'w/{country}/{city}',
          every: '1h',
          fetch: {
            url: `${upstream.url}/v1/{country}/weather;{city}?q={city}&c={country}`,
            headers: { 'x-city': 'city={city}' },
            body: { where: { city: '{city}', list: ['{country}'] } },
          },
        },
      ],
    });
    const response = await fetch(`${url}/topics/w/no/a:b@c~d`);
    expect(await response.json()).toEqual({ target: '/v1/no/weather;a%3Ab%40c~d?q=a%3Ab%40c~d&c=no' });
    expect(upstream.seen[0]!.headers['x-city']).toBe('city=a:b@c~d');
    expect(JSON.parse(upstream.seen[0]!.body)).toEqual({ where: { city: 'a:b@c~d', list: ['no'] } });
    // Dots alone never reach a template: they are no topic.
    expect((await fetch(`${url}/topics/w/no/%2e%2e`)).status).toBe(404);
    expect((await fetch(`${url}/topics/w/no/%252e%252e`)).status).toBe(404);
    expect(upstream.seen.length).toBe(1);
  });

  it('races the URLs of one topic', async () => {
    const upstream = await echoUpstream();
    const urls = ['a', 'b'].map((host) => `${upstream.url}/${host}/{city}?key=hunter2`);
    const { url } = await startServer({
      loop,
      sources: [{ topic: 'weather/{city}', every: '1h', fetch: { strategy: 'fallback', urls } }],
    });
    const response = await fetch(`${url}/race/weather/a:b`);
    expect(response.status).toBe(200);
    const { winner, value } = (await response.json()) as { winner: string; value: { target: string } };
    expect(winner).toMatch(new RegExp(`^${upstream.url}/[ab]/a%3Ab$`));
    expect(value.target).toMatch(/^\/[ab]\/a%3Ab\?key=hunter2$/);
    expect((await fetch(`${url}/race/weather/a/b`)).status).toBe(404);
    // What a race brings does not go to the topic.
    expect(await (await fetch(`${url}/topics`)).json()).toMatchObject([{ topic: 'weather/a:b', version: 0 }]);
  });

  it('counts what became of each URL over all of its topics', async () => {
    const upstream = await echoUpstream();
    const { url } = await startServer({
      loop,
      sources: [
        {
          topic: 'weather/{city}',
          every: '1h',
          max: 2,
          fetch: {
            strategy: 'fallback',
            urls: [
              'http://user:hunter2@127.0.0.1:1/{city}?key=hunter2',
              `${upstream.url}/{city}?key=hunter2`,
            ],
          },
        },
      ],
    });
    for (const city of ['oslo', 'rome', 'bonn']) await fetch(`${url}/topics/weather/${city}`);
    const lines = (await metricsOf(url)).split('\n').filter((line) => /^headwater_url_.* [^0]/.test(line));
    expect(lines).toEqual([
      `headwater_url_wins_total{topic="weather/{city}",name="1",url="${upstream.url}/{city}"} 3`,
      'headwater_url_failures_total{topic="weather/{city}",name="0",url="http://127.0.0.1:1/{city}"} 3',
    ]);
  });

  it('follows a stream of its own for each topic, and lets go of it when it makes room', async () => {
    const upstream = await streamUpstream();
    upstream.answer = (request) => void request.open().write(`data: ${JSON.stringify(request.url)}\n\n`);
    const { url } = await startServer({
      loop,
      sources: [
        {
          topic: 'live/{room}',
          max: 2,
          fetch: { stream: `${upstream.url}/{room}`, headers: { 'x-room': '{room}' } },
        },
      ],
    });
    for (const room of ['a:b', 'c', 'd'])
      expect(await (await fetch(`${url}/topics/live/${room}`)).json()).toMatch(
        new RegExp(`/${encodeURIComponent(room)}$`),
      );
    expect(upstream.requests.map(({ headers }) => headers['x-room'])).toEqual(['a:b', 'c', 'd']);
    await until(() => expect(upstream.requests.map(({ gone }) => gone)).toEqual([true, false, false]));
  });

  it('makes a topic stale alone when its fetch fails', async () => {
    const { url } = await startServer({
      loop,
      sources: [
        {
          topic: 'weather/{city}',
          every: '1h',
          fetch: ({ parameters }: FunctionContext) => {
            if (parameters.city === 'atlantis') throw new Error('no such city');
            return 1;
          },
        },
      ],
    });
    expect((await fetch(`${url}/topics/weather/oslo`)).status).toBe(200);
    expect((await fetch(`${url}/topics/weather/atlantis`)).status).toBe(503);
    const topics = (await (await fetch(`${url}/topics`)).json()) as { topic: string; stale: boolean }[];
    expect(topics.map(({ topic, stale }) => [topic, stale])).toEqual([
      ['weather/atlantis', true],
      ['weather/oslo', false],
    ]);
  });
});
