import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import type { ConfigInput } from '../../server/config/schema.js';
import { createLogger } from '../../server/observe/log.js';
import { run } from '../support/cli.js';
import { openWebSocket } from '../support/clients.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { until } from '../support/scripted-servers.js';
import { type StreamRequest, type StreamUpstream, streamUpstream } from '../support/stream-upstream.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-positions-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type SourceInput = NonNullable<ConfigInput['sources']>[number];

/** A server of one topic `t` that keeps its state, closed when the test has finished. */
async function start(source: Partial<SourceInput>, config: ConfigInput = {}) {
  let log = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      done();
    },
  });
  const headwater = await createHeadwater(
    {
      drainTimeout: 2_000,
      ...config,
      http: { port: 0 },
      state: { dir: join(folder, 'state') },
      sources: [{ topic: 't', when: 'always', history: { count: 10_000 }, ...source } as SourceInput],
    },
    { logger: createLogger({ level: 'info', pretty: false, destination }) },
  );
  onTestFinished(() => headwater.close());
  const { url } = headwater.listeners[0]!;
  return { headwater, url, wsUrl: `${url.replace('http', 'ws')}/ws`, log: () => log };
}

/** All events of the topic, as a reader gets them. */
async function eventsAt(url: string): Promise<unknown[]> {
  const answer = await fetch(`${url}/topics/t`);
  const events = (await answer.json()) as { event: unknown }[];
  return events.map(({ event }) => event);
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);

/** An upstream that has all that it ever sent: the events 1, 2, 3 …, each with its number as its id. */
async function rememberingUpstream() {
  const upstream = await streamUpstream();
  const connected: StreamRequest[] = [];
  let last = 0;
  const block = (n: number) => `id: ${n}\ndata: ${n}\n\n`;
  upstream.answer = (request) => {
    const after = Number(request.headers['last-event-id'] ?? 0);
    request.open().write(
      `: hello\n\n${upTo(last, after + 1)
        .map(block)
        .join('')}`,
    );
    connected.push(request);
  };
  return {
    upstream,
    add(count: number): number {
      for (const n of upTo(last + count, last + 1)) {
        last = n;
        for (const request of connected) if (!request.gone) request.write(block(n));
      }
      return last;
    },
  };
}

const journal = () => readFile(join(folder, 'state', 'topics.journal'), 'utf8');

const idOf = async (upstream: StreamUpstream, index: number) =>
  (await upstream.request(index)).headers['last-event-id'];

describe('an event stream, over a restart of a server that keeps its state', () => {
  it('goes on behind its last id: for a client none of its events is lost or doubled', async () => {
    const { upstream, add } = await rememberingUpstream();
    // What was made of an event need not tell its id, nor need the topic have any past.
    const source: Partial<SourceInput> = {
      kind: 'event',
      history: { count: 100 },
      transform: (value) => ({ made: value }),
      fetch: { stream: upstream.url },
    };
    add(3);
    const first = await start(source);
    await until(async () => expect(await eventsAt(first.url)).toHaveLength(3));
    const client = await openWebSocket(first.wsUrl);
    client.say({ type: 'subscribe', id: 1, topic: 't' });
    const before = await client.inbox.nextWhere((message) => message.type === 'subscribed');
    const { epoch, version } = before as { epoch: string; version: number };
    add(2);
    await client.inbox.nextWhere((message) => message.type === 'event' && message.version === 5);
    await first.headwater.close();
    add(20);
    const second = await start(source);
    add(1);
    const again = await openWebSocket(second.wsUrl);
    again.say({ type: 'subscribe', id: 1, topic: 't', since: { epoch, version } });
    await again.inbox.nextWhere((message) => message.type === 'event' && message.version === 26);
    const events = again.inbox.all.flatMap((message) => (message.type === 'event' ? [message] : []));
    expect(events.map((message) => [message.version, message.event])).toEqual(
      upTo(26, 4).map((n) => [n, { made: n }]),
    );
    expect(upstream.requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '5']);
  });

  it('goes on so after kill -9 in the midst of it, and again', { timeout: 120_000 }, async () => {
    const { upstream, add } = await rememberingUpstream();
    await writeFile(
      join(folder, 'headwater.config.json'),
      JSON.stringify({
        http: { port: 0 },
        state: { dir: './state' },
        sources: [
          {
            topic: 't',
            kind: 'event',
            when: 'always',
            history: { count: 10_000 },
            fetch: { stream: upstream.url },
          },
        ],
      }),
    );
    let last = 0;
    const read: number[] = [];
    for (let life = 0; life < 2; life++) {
      const server = run(['serve'], { cwd: folder });
      onTestFinished(async () => {
        server.process.kill('SIGKILL');
        await server.ended;
      });
      const [, url] = await server.says(/"listener":"http","url":"([^"]+)"/);
      last = add(50);
      await until(async () => expect(await eventsAt(url!)).toEqual(upTo(last)));
      read.push(last);
      // These are still under way when it is killed.
      last = add(500);
      server.process.kill('SIGKILL');
      await server.ended;
      last = add(5);
    }
    const { url, log } = await start({ kind: 'event', fetch: { stream: upstream.url } });
    await until(async () => expect(await eventsAt(url)).toEqual(upTo(last)));
    expect(log()).toContain('loaded the state');
    // What a client could read, no later life asks for: it is by the position that nothing is doubled.
    for (const [life, id] of read.entries())
      expect(Number(await idOf(upstream, life + 1))).toBeGreaterThanOrEqual(id);
  });

  it.each([0.3, 0.6, 0.9])('goes on from what a torn file has left, cut at %d of it', async (share) => {
    const { upstream, add } = await rememberingUpstream();
    const source: Partial<SourceInput> = { kind: 'event', fetch: { stream: upstream.url } };
    const first = await start(source);
    for (const last of upTo(20)) {
      add(1);
      await until(async () => expect(await eventsAt(first.url)).toHaveLength(last));
    }
    await first.headwater.close();
    const path = join(folder, 'state', 'topics.journal');
    const { size } = await stat(path);
    const file = await open(path, 'r+');
    await file.truncate(Math.floor(size * share));
    await file.close();
    const second = await start(source);
    const last = add(1);
    await until(async () => expect(await eventsAt(second.url)).toEqual(upTo(last)));
    expect(second.log()).toContain('not sure to be complete');
    expect(Number(await idOf(upstream, 1))).toBeGreaterThan(0);
    expect(Number(await idOf(upstream, 1))).toBeLessThan(20);
  });

  it('starts without an id where the URL is another, says so, and does not come back to the old one', async () => {
    const upstream = await streamUpstream();
    const source = (query: string): Partial<SourceInput> => ({
      kind: 'event',
      fetch: { stream: `${upstream.url}${query}` },
    });
    const first = await start(source('?of=a&key=hunter2'));
    (await upstream.request(0)).open().write('id: 1\ndata: 1\n\n');
    await until(async () => expect(await eventsAt(first.url)).toEqual([1]));
    await first.headwater.close();
    expect(await journal()).not.toContain('hunter2');

    const second = await start(source('?of=b'));
    expect(await idOf(upstream, 1)).toBeUndefined();
    (await upstream.request(1)).open().write('data: 2\n\n');
    await until(async () => expect(await eventsAt(second.url)).toEqual([1, 2]));
    expect(second.log()).toContain('the position that was kept is of another source');
    await second.headwater.close();

    const third = await start(source('?of=a&key=hunter2'));
    expect(await idOf(upstream, 2)).toBeUndefined();
    await third.headwater.close();
    expect(third.log()).not.toContain('of another source');
  });

  it('is the same one with other credentials', async () => {
    const upstream = await streamUpstream();
    const source = (password: string): Partial<SourceInput> => ({
      kind: 'event',
      fetch: {
        stream: upstream.url.replace('//', `//me:${password}@`),
        headers: { 'x-key': password },
      },
    });
    const first = await start(source('old'));
    (await upstream.request(0)).open().write('id: 1\ndata: 1\n\n');
    await until(async () => expect(await eventsAt(first.url)).toEqual([1]));
    await first.headwater.close();
    await start(source('new'));
    expect(await idOf(upstream, 1)).toBe('1');
  });

  // WHATWG HTML, section 9.2.6: the id is set when its block ends, with or without data.
  it.each<[name: string, blocks: string, kept: string, id: string | undefined]>([
    ['of a block that fires nothing', 'id: 7\n\n', '"at":"7"', '7'],
    ['of a block that has only a name', 'id: 6\ndata: 1\n\nid: 7\nevent: price\n\n', '"at":"7"', '7'],
    ['of an event that is not wanted', 'id: 7\nevent: other\ndata: 1\n\n', '"at":"7"', '7'],
    ['of a message that is no JSON', 'id: 7\nevent: price\ndata: {\n\n', '"at":"7"', '7'],
    ['before a block that is not over', 'id: 7\ndata: 1\n\nid: 8\ndata: 2\n', '"at":"7"', '7'],
    ['unless an empty one took it back', 'id: 7\ndata: 1\n\nid\n\n', '"at":""', undefined],
    ['before one with NUL, which is none', 'id: 7\ndata: 1\n\nid: 8\0\ndata: "end"\n\n', '"end"', '7'],
  ])('sends the id %s', async (_name, blocks, kept, id) => {
    const upstream = await streamUpstream();
    const source: Partial<SourceInput> = {
      kind: 'event',
      fetch: { stream: upstream.url, events: ['price', 'message'] },
    };
    const first = await start(source);
    (await upstream.request(0)).open().write(`data: "first"\n\n${blocks}`);
    await until(async () => expect(await journal()).toContain(kept));
    await first.headwater.close();
    await start(source);
    expect(await idOf(upstream, 1)).toBe(id);
  });

  it('does not pass over an event that was not yet in the topic when the server ended', async () => {
    const upstream = await streamUpstream();
    const source = (transform: SourceInput['transform']): Partial<SourceInput> => ({
      kind: 'event',
      transform,
      fetch: { stream: upstream.url },
    });
    let begun = false;
    const first = await start(
      source(async (value, { signal }) => {
        if (value === 1) return 1;
        begun = true;
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        return value;
      }),
    );
    (await upstream.request(0)).open().write('id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n');
    await until(async () => expect([begun, await eventsAt(first.url)]).toEqual([true, [1]]));
    await first.headwater.close();
    await start(source((value) => value));
    expect(await idOf(upstream, 1)).toBe('1');
  });

  it('goes on behind an id that came before the first event', async () => {
    const upstream = await streamUpstream();
    const source: Partial<SourceInput> = { kind: 'event', fetch: { stream: upstream.url } };
    const first = await start(source);
    (await upstream.request(0)).open().write('id: 7\n\n');
    await until(async () => expect(await journal()).toContain('"at":"7"'));
    await first.headwater.close();
    await start(source);
    expect(await idOf(upstream, 1)).toBe('7');
  });

  it.each<[status: number, times: number]>([
    [410, 1],
    [400, 2],
    [431, 2],
  ])(
    'starts anew, and says so, where the upstream answers the id with %d, which is sure after %d',
    async (status, times) => {
      const upstream = await streamUpstream();
      upstream.answer = (request) => {
        if (request.headers['last-event-id'] === 'gone') request.response.writeHead(status).end();
        else request.open().write(`data: ${upstream.requests.length}\n\nid: gone\n\n`);
      };
      const source: Partial<SourceInput> = { kind: 'event', fetch: { stream: upstream.url } };
      const first = await start(source);
      await until(async () => expect(await journal()).toContain('"at":"gone"'));
      await first.headwater.close();
      const second = await start(source);
      await until(async () => expect(await eventsAt(second.url)).toEqual([1, times + 2]));
      expect(second.log()).toContain(
        `cannot go on behind its last event id (status ${status}): events may be missing, or come twice`,
      );
    },
  );

  it.each<[name: string, status: number, ids: (string | undefined)[]]>([
    ['an answer that may pass', 503, ['1', '1']],
    ['an answer that may be of a proxy in between', 400, ['1', '1']],
    ['a refusal that is not for its sake', 410, ['1', undefined, '1']],
  ])('keeps the id over %s', async (_name, status, ids) => {
    const upstream = await streamUpstream();
    const source: Partial<SourceInput> = { kind: 'event', fetch: { stream: upstream.url } };
    const first = await start(source);
    (await upstream.request(0)).open().write('id: 1\ndata: 1\n\n');
    await until(async () => expect(await eventsAt(first.url)).toEqual([1]));
    await first.headwater.close();
    upstream.answer = ({ response }, index) => {
      if (index < ids.length) response.writeHead(status).end();
    };
    await start(source);
    await upstream.request(ids.length);
    expect(upstream.requests.slice(1).map(({ headers }) => headers['last-event-id'])).toEqual(ids);
  });
});

describe('a value of an event stream, over a restart', () => {
  /** How the topic is listed. */
  async function listed(url: string): Promise<{ asOf: string; stale: boolean; error?: string }> {
    const topics = await (await fetch(`${url}/topics`)).json();
    return (topics as never[])[0]!;
  }

  async function twoLives(one: Partial<SourceInput>, two: Partial<SourceInput>, upstream: StreamUpstream) {
    const first = await start(one);
    (await upstream.request(0)).open().write('id: 1\ndata: {"n":1}\n\n');
    await until(() => expect(first.headwater.topic('t').version).toBe(1));
    const { asOf } = await listed(first.url);
    await first.headwater.close();
    return { asOf, ...(await start(two)) };
  }

  it('is as old as it was until the stream goes on behind it', async () => {
    const upstream = await streamUpstream();
    const source = { fetch: { stream: upstream.url } };
    const { url, asOf } = await twoLives(source, source, upstream);
    expect(await idOf(upstream, 1)).toBe('1');
    expect(await listed(url)).toMatchObject({ asOf, stale: false });
    upstream.requests[1]!.open();
    await until(async () => expect((await listed(url)).asOf > asOf).toBe(true));
    expect(await listed(url)).toMatchObject({ stale: false });
    expect(await (await fetch(`${url}/topics/t`)).json()).toEqual({ n: 1 });
  });

  it('is stale where the URL is another, until that one has sent something', async () => {
    const upstream = await streamUpstream();
    const { url, asOf, log } = await twoLives(
      { fetch: { stream: `${upstream.url}?of=a` } },
      { fetch: { stream: `${upstream.url}?of=b` } },
      upstream,
    );
    expect(await idOf(upstream, 1)).toBeUndefined();
    const foreign = {
      asOf,
      stale: true,
      error: `kept from another source, or another selection of it; ${upstream.url} has sent nothing yet`,
    };
    await until(async () => expect(await listed(url)).toMatchObject(foreign));
    expect(log()).toContain('is of another source, or of another selection of it');
    upstream.requests[1]!.open().write('data: {"n":1}\n\n');
    await until(async () => expect(await listed(url)).toMatchObject({ stale: false }));
  });

  it.each<[string, (stream: string) => Partial<SourceInput>]>([
    ['something else is selected', (stream) => ({ fetch: { stream, select: '/n' } })],
    ['a transform makes it', (stream) => ({ fetch: { stream }, transform: (value) => [value] })],
  ])('is stale and asked for anew where %s', async (_name, changed) => {
    const upstream = await streamUpstream();
    const source = { fetch: { stream: upstream.url } };
    const { url } = await twoLives(source, changed(upstream.url), upstream);
    expect(await idOf(upstream, 1)).toBeUndefined();
    const error = expect.stringContaining('kept from another source, or another selection of it');
    await until(async () => expect(await listed(url)).toMatchObject({ stale: true, error }));
  });

  it('that lacks a message that was no good gets it again', async () => {
    const upstream = await streamUpstream();
    const source = { fetch: { stream: upstream.url } };
    const first = await start(source);
    (await upstream.request(0)).open().write('id: 1\ndata: 1\n\nid: 2\ndata: {\n\n');
    await until(async () =>
      expect(await (await fetch(`${first.url}/topics`)).text()).toContain('"stale":true'),
    );
    await first.headwater.close();
    await start(source);
    expect(await idOf(upstream, 1)).toBe('1');
  });
});

describeWithRedis('a stream of Redis, over a restart of a server that keeps its state', () => {
  const entries = (first: number, last: number) =>
    upTo(last, first).map((n) => ({ id: `${n}-0`, fields: { n } }));

  it.each(['stream', 'database', 'server'])('starts as a fresh one where it is another %s', async (what) => {
    const redis = await startRedis();
    const other = what === 'server' ? await startRedis() : redis;
    const fill = async ({ client }: typeof redis, stream: string, last: number) => {
      for (const n of upTo(last)) await client.xadd(stream, `${n}-0`, 'n', n);
    };
    const source = (url: string, stream: string): Partial<SourceInput> => ({
      kind: 'event',
      fetch: { redis: { url, stream, count: 2 } },
    });
    await fill(redis, 'log', 3);
    const first = await start(source(redis.url, 'log'));
    await until(async () => expect(await eventsAt(first.url)).toEqual(entries(2, 3)));
    await first.headwater.close();

    const stream = what === 'stream' ? 'other' : 'log';
    if (what === 'database') await redis.client.select(1);
    await fill(other, stream, 6);
    const url = what === 'database' ? `${redis.url}/1` : other.url;
    const second = await start(source(url, stream));
    await until(async () => expect(await eventsAt(second.url)).toEqual([...entries(2, 3), ...entries(5, 6)]));
    expect(second.log()).toContain('the position that was kept is of another source');
    await second.headwater.close();

    // From now on the position is of this one.
    await other.client.xadd(stream, '7-0', 'n', 7);
    const third = await start(source(url, stream));
    await until(async () => expect(await eventsAt(third.url)).toEqual([...entries(2, 3), ...entries(5, 7)]));
    expect(third.log()).not.toContain('of another source');
  });
});
