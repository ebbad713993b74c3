import type { Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createHttpClient } from '../../server/source/http/client.js';
import { httpSource } from '../../server/source/http/http.js';
import { type Answer, feed, json, upstream } from '../support/http-upstream.js';
import { until } from '../support/scripted-servers.js';
import { FAULTS, HALF, timeoutFor } from '../support/upstream-faults.js';

describe('an upstream that', () => {
  it.each(FAULTS)(
    '%s makes the topic stale with a short reason, and it recovers',
    async (_name, answer, says) => {
      const server = await upstream();
      const topic = feed(`${server.url}?key=SECRET`, { timeout: timeoutFor(says), maxBytes: 1_000_000 });
      server.answer = json('{"n":1}');
      expect(await topic.fetch()).toEqual({ value: '{"n":1}', stale: undefined });

      server.answer = answer;
      const failed = await topic.fetch();
      expect(failed.value).toBe('{"n":1}');
      expect(failed.stale).toMatch(says);
      expect(failed.stale).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/q [^\n]{5,100}$/);
      expect(failed.stale).not.toContain('SECRET');

      server.answer = json('{"n":2}');
      expect(await topic.fetch()).toEqual({ value: '{"n":2}', stale: undefined });
      await topic.close();
      await until(() => expect(server.sockets.size).toBe(0));
    },
  );

  it('answers ten megabytes of nesting makes the topic stale, too', async () => {
    const server = await upstream();
    const deep = 5 * 1024 * 1024;
    const topic = feed(server.url);
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      server.answer = json(open.repeat(deep / open.length) + close.repeat(deep / open.length));
      expect((await topic.fetch()).stale).toMatch(/answered (what is no JSON|JSON nested deeper)/);
    }
    server.answer = json(`${'['.repeat(256)}1${']'.repeat(256)}`);
    expect(await topic.fetch()).toMatchObject({ stale: undefined });
  });

  it('drips a byte a second is given up when its time is over', async () => {
    const server = await upstream();
    const clock = manualClock();
    server.answer = (_, response) => {
      response.writeHead(200);
      const drip = () => {
        if (response.destroyed) return;
        response.write('[');
        clock.after(1_000, drip);
      };
      drip();
    };
    const client = createHttpClient();
    onTestFinished(() => client.close());
    const source = httpSource(client, { url: server.url }, clock);
    const fetched = source.fetch({ signal: new AbortController().signal, previous: undefined });
    fetched.catch(() => {});
    await until(() => expect(server.requests).toHaveLength(1));
    await clock.advance(9_999);
    expect(server.sockets.size).toBe(1);
    await clock.advance(1);
    await expect(fetched).rejects.toMatchObject({
      code: 'source_timeout',
      message: `${server.url} gave no complete answer within 10 s`,
    });
    await until(() => expect(server.sockets.size).toBe(0));
  });

  it('cannot be reached is told from one that fails', async () => {
    const server = await upstream();
    const { port } = new URL(server.url);
    const closed = feed(`http://127.0.0.1:${Number(port) === 1 ? 2 : 1}/q`);
    expect((await closed.fetch()).stale).toMatch(/127\.0\.0\.1:1\/q refused the connection$/);
    const unknown = feed('http://name.invalid/q');
    expect((await unknown.fetch()).stale).toMatch(/^http:\/\/name\.invalid\/q has a host name that /);
  });
});

describe('a source that is closed', () => {
  it.each<[string, Answer]>([
    ['before the headers', () => {}],
    ['in the middle of the body', (_, response) => response.writeHead(200).write('{"n":')],
    [
      'in the middle of a compressed body',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).write(HALF),
    ],
  ])('%s leaves no socket open', async (_name, answer) => {
    const server = await upstream();
    const asked = new Promise<void>((resolve) => {
      server.answer = (request, response) => {
        answer(request, response);
        resolve();
      };
    });
    const topic = feed(server.url);
    const fetched = topic.refresher.refresh();
    await asked;
    await topic.close();
    await fetched;
    await until(() => expect(server.sockets.size).toBe(0));
    expect(topic.view.freshness).toEqual({ stale: false });
  });
});

describe('an upstream that works', () => {
  it.each([
    ['gzip', gzipSync('{"n":1}')],
    ['br', brotliCompressSync('{"n":1}')],
    ['identity', Buffer.from('{"n":1}')],
  ])('may answer in %s', async (encoding, body) => {
    const server = await upstream();
    server.answer = json(body, { 'content-encoding': encoding });
    expect(await feed(server.url).fetch()).toEqual({ value: '{"n":1}', stale: undefined });
  });

  it('is asked conditionally, and a 304 only renews', async () => {
    const server = await upstream();
    const modified = 'Tue, 01 Jan 2030 00:00:00 GMT';
    server.answer = (request, response) => {
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else json('{"n":1}', { etag: '"v1"', 'last-modified': modified })(request, response);
    };
    const topic = feed(server.url);
    await topic.fetch();
    const { version, asOf } = topic.view;
    await topic.fetch();
    await topic.fetch();
    expect(
      server.requests.map(({ headers }) => [headers['if-none-match'], headers['if-modified-since']]),
    ).toEqual([
      [undefined, undefined],
      ['"v1"', modified],
      ['"v1"', modified],
    ]);
    expect(topic.view.version).toBe(version);
    expect(topic.view.asOf).toBeGreaterThanOrEqual(asOf!);
    expect(topic.refresher.state).toMatchObject({ fetches: 3, failures: 0 });
  });

  it('is asked again for what the topic never got, whatever it answered before', async () => {
    const server = await upstream();
    server.answer = json('{"n":1}', { etag: '"v1"' });
    const client = createHttpClient();
    onTestFinished(() => client.close());
    const source = httpSource(client, { url: server.url });
    const { signal } = new AbortController();
    const first = await source.fetch({ signal, previous: undefined });
    expect(await source.fetch({ signal, previous: undefined })).toEqual(first);
    expect(await source.fetch({ signal, previous: { n: 1 } })).toEqual({ kind: 'unchanged' });
  });

  it('may redirect within its host', async () => {
    const server = await upstream();
    server.answer = (request, response) => {
      if (request.url === '/final?x=1') json('{"n":1}')(request, response);
      else response.writeHead(307, { location: '/final?x=1' }).end();
    };
    expect(await feed(server.url, { headers: { 'X-Key': 'k' } }).fetch()).toMatchObject({ value: '{"n":1}' });
    expect(server.requests.map(({ url, headers }) => [url, headers['x-key']])).toEqual([
      ['/q', 'k'],
      ['/final?x=1', 'k'],
    ]);
  });

  it('gets credentials from the URL as a header, and headers as configured', async () => {
    const server = await upstream();
    const topic = feed(server.url.replace('//', '//me:p%40ss@'), {
      headers: { Accept: 'application/geo+json' },
    });
    await topic.fetch();
    expect(server.requests[0]!.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
      accept: 'application/geo+json',
    });
    server.answer = (_, response) => response.writeHead(500).end();
    expect((await topic.fetch()).stale).toBe(`${server.url} answered with status 500`);
  });

  it('may say when to come back, in seconds or as a date', async () => {
    /** Each from a host of its own, since one that asked to be left alone is. */
    const refused = async (retryAfter: string) => {
      const server = await upstream();
      server.answer = (_, response) => response.writeHead(429, { 'retry-after': retryAfter }).end();
      const topic = feed(server.url);
      expect((await topic.fetch()).stale).toMatch(/status 429$/);
      return topic.refresher.state.lastError as { retryAfter: number | undefined };
    };
    expect(await refused('120')).toMatchObject({ retryAfter: 120_000 });
    // A date has whole seconds.
    const asked = Math.ceil(Date.now() / 1_000) * 1_000;
    const { retryAfter } = await refused(new Date(asked + 3_600_000).toUTCString());
    expect(retryAfter).toBeLessThanOrEqual(3_601_000);
    expect(retryAfter).toBeGreaterThanOrEqual(asked + 3_600_000 - Date.now());
    expect(await refused('soon')).toMatchObject({ retryAfter: undefined });
  });

  it('is asked once more when it cuts a kept connection instead of answering', async () => {
    const server = await upstream();
    const topic = feed(server.url);
    await topic.fetch();
    const kept = [...server.sockets];
    server.answer = (request, response) => {
      if (kept.includes(request.socket)) request.socket.destroy();
      else json('{"n":2}')(request, response);
    };
    expect(await topic.fetch()).toEqual({ value: '{"n":2}', stale: undefined });
    expect(topic.refresher.state).toMatchObject({ fetches: 2, failures: 0 });
  });

  it('keeps its connection from fetch to fetch, refusals included', async () => {
    const server = await upstream();
    const used = new Set<Socket>();
    const topic = feed(server.url);
    for (const status of [200, 500, 404, 200]) {
      server.answer = (request, response) => {
        used.add(request.socket);
        response.writeHead(status).end('{"n":1}');
      };
      await topic.fetch();
    }
    expect(used.size).toBe(1);
  });
});
