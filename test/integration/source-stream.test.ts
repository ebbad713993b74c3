import { brotliCompressSync, constants, createGzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { followStream } from '../support/followed.js';
import { until } from '../support/scripted-servers.js';
import { streamUpstream } from '../support/stream-upstream.js';

describe('an event stream', () => {
  it('is a value that each event replaces', async () => {
    const upstream = await streamUpstream();
    const { tells, follower } = followStream({ stream: upstream.url });
    const request = (await upstream.request(0)).open();
    expect(request.headers.accept).toMatch(/^text\/event-stream\b/);
    request.write('data: {"n":1}\n\n');
    await tells({ n: 1 });
    request.write('event: tick\ndata: {"n":\ndata: 2}\n\n');
    await tells({ n: 1 }, { n: 2 });
    expect(follower.stats).toEqual({ connected: true, connects: 1, failures: 0, messages: 2, faults: 0 });
  });

  it('is events where the topic is of events', async () => {
    const upstream = await streamUpstream();
    const { tells } = followStream({ stream: upstream.url }, { kind: 'event' });
    (await upstream.request(0)).open().write('\uFEFFdata: 1\r\n\r\ndata: 1\r\n\r\n: hi\r\ndata: [2]\r\n\r\n');
    await tells(1, 1, [2]);
  });

  it('is only the events of the names that are wanted, and goes on behind the others too', async () => {
    const upstream = await streamUpstream();
    const { tells, follower } = followStream(
      { stream: upstream.url, events: ['price', 'message'] },
      { kind: 'event' },
    );
    const first = (await upstream.request(0)).open();
    first.write('event: price\ndata: 1\n\nevent: heartbeat\nid: 7\ndata: no JSON\n\ndata: 2\n\n');
    first.write('event: trade\nid: 8\ndata: 3\n\nevent: price\ndata: 4\n\nevent: trade\nid: 9\ndata: 5\n\n');
    await tells(1, 2, 4);
    first.response.end();
    expect((await upstream.request(1)).headers['last-event-id']).toBe('9');
    expect(follower.stats).toMatchObject({ messages: 3, faults: 0 });
  });

  it('goes on where it was cut, by the id of the last whole event', async () => {
    const upstream = await streamUpstream();
    const { tells } = followStream({ stream: upstream.url }, { kind: 'event' });
    const first = (await upstream.request(0)).open();
    expect(first.headers).not.toHaveProperty('last-event-id');
    first.write('id: 1\ndata: 1\n\ndata: 2\n\nid: 3ü\ndata: 3\n\nid: 4\ndata: 4');
    await tells(1, 2, 3);
    first.response.socket!.resetAndDestroy();
    const second = (await upstream.request(1)).open();
    expect(Buffer.from(second.headers['last-event-id'] as string, 'latin1').toString()).toBe('3ü');
    second.write('id: 4\ndata: 4\n\n');
    const cut = `stale: ${upstream.url} cut the connection before the answer was complete`;
    await tells(1, 2, 3, cut, 'fresh', 4);
  });

  it('goes on from its start once an upstream that was resumed has taken its id back', async () => {
    const upstream = await streamUpstream();
    const { tellsLast } = followStream({ stream: upstream.url }, { kind: 'event' });
    const first = (await upstream.request(0)).open().write('id: 1\ndata: 1\n\n');
    await tellsLast(1);
    first.response.end();
    const second = (await upstream.request(1)).open();
    expect(second.headers['last-event-id']).toBe('1');
    // An event without an id is behind the one before.
    second.write('data: 2\n\n');
    await tellsLast(2);
    second.response.end();
    const third = (await upstream.request(2)).open();
    expect(third.headers['last-event-id']).toBe('1');
    third.write('id\n\ndata: 3\n\n');
    await tellsLast(3);
    third.response.end();
    expect((await upstream.request(3)).headers).not.toHaveProperty('last-event-id');
  });

  it('goes on from its start, with a fault, behind an id that no header can hold', async () => {
    const upstream = await streamUpstream();
    const clock = manualClock();
    const { tellsLast, follower, errors } = followStream({ stream: upstream.url, clock }, { kind: 'event' });
    const first = (await upstream.request(0)).open().write('id: \u0001\ndata: 1\n\n');
    await tellsLast(1);
    first.response.end();
    const second = (await upstream.request(1)).open().write('data: 2\n\n');
    expect(second.headers).not.toHaveProperty('last-event-id');
    await tellsLast(2);
    expect(follower.stats.faults).toBe(1);
    expect(String(errors.at(-1))).toContain('it holds what no header may');
    // The time for an answer once ran on from the attempt that was refused, and ended the stream after it.
    expect(clock.pending).toBe(0);
    await clock.advance(10_000);
    second.write('data: 3\n\n');
    await tellsLast(3);
    expect(upstream.requests).toHaveLength(2);
  });

  it('goes on behind a block that only moves the id', async () => {
    const upstream = await streamUpstream();
    const { follower } = followStream({ stream: upstream.url }, { kind: 'event' });
    const first = (await upstream.request(0)).open().write('id: e:7\n\n: done\n\n');
    await until(() => expect(follower.stats.connected).toBe(true));
    first.response.end();
    expect((await upstream.request(1)).headers['last-event-id']).toBe('e:7');
  });

  it('goes on from its start when its id was answered with 400 twice in a row, and not before', async () => {
    const upstream = await streamUpstream();
    const refused = new Set([1, 3, 4]);
    upstream.answer = (request, index) => {
      if (refused.has(index)) request.response.writeHead(400).end();
      else if (index === 0) request.open().response.end('id: 1\ndata: 1\n\n');
      else if (index === 2) request.open().response.end();
      else request.open().write('data: 2\n\n');
    };
    const { tellsLast } = followStream({ stream: upstream.url }, { kind: 'event' });
    await tellsLast(2);
    const ids = upstream.requests.map(({ headers }) => headers['last-event-id']);
    expect(ids).toEqual([undefined, '1', '1', '1', '1', undefined]);
  });

  it('is stale while it is away, and fresh at the first message where it cannot be resumed', async () => {
    const upstream = await streamUpstream();
    const { tells, view } = followStream({ stream: upstream.url });
    const first = (await upstream.request(0)).open().write('data: 1\n\n');
    await tells(1);
    first.response.end();
    await tells(1, `stale: ${upstream.url} ended the stream`);
    const second = (await upstream.request(1)).open().write(': alive\n\n');
    await new Promise((resolve) => second.response.write(': again\n\n', resolve));
    expect(view.freshness.stale).toBe(true);
    second.write('data: 1\n\n');
    await tells(1, `stale: ${upstream.url} ended the stream`, 'fresh');
  });

  it('is fresh as soon as it is resumed', async () => {
    const upstream = await streamUpstream();
    const { tells } = followStream({ stream: upstream.url });
    const first = (await upstream.request(0)).open().write('id: a\ndata: 1\n\n');
    await tells(1);
    first.response.end();
    (await upstream.request(1)).open();
    await tells(1, `stale: ${upstream.url} ended the stream`, 'fresh');
  });

  it('renews the time of what it said with every sign of life', async () => {
    const upstream = await streamUpstream();
    const { tells, view } = followStream({ stream: upstream.url });
    const request = (await upstream.request(0)).open().write('data: 1\n\n');
    await tells(1);
    const before = view.asOf!;
    await until(() => {
      request.write(': alive\n\n');
      expect(view.asOf).toBeGreaterThan(before);
    });
    expect(view.version).toBe(1);
  });

  it('is told apart from JSON lines by its content type, or as it is configured', async () => {
    const upstream = await streamUpstream();
    const { tells, tellsLast } = followStream({ stream: upstream.url });
    (await upstream.request(0)).open('application/json').response.end();
    await tells(
      `stale: ${upstream.url} answered with application/json, which is no stream; if it is one, say which with format`,
    );
    (await upstream.request(1)).open('application/x-ndjson; charset=utf-8').write('1\n');
    await tellsLast(1);
    const configured = await streamUpstream();
    const lines = followStream({ stream: configured.url, format: 'ndjson' });
    (await configured.request(0)).open('text/plain').write('{"n":1}\n');
    await lines.tells({ n: 1 });
  });

  it('keeps the part that select names, and passes over what has none', async () => {
    const upstream = await streamUpstream();
    const { tells, view } = followStream({ stream: upstream.url, select: '/value', array: { key: 'id' } });
    const request = (await upstream.request(0)).open();
    request.write('data: {"type":"value","value":[{"id":"a"}]}\n\n');
    await tells({ a: { id: 'a' } });
    const { asOf } = view;
    await until(() => {
      request.write('data: {"type":"fresh"}\n\n');
      expect(view.asOf).toBeGreaterThan(asOf!);
    });
    request.write('data: {"type":"value","value":[]}\n\n');
    await tells({ a: { id: 'a' } }, {});
  });
});

describe('JSON lines', () => {
  it('are messages; empty lines are signs of life, and what follows the last line end counts at the end', async () => {
    const upstream = await streamUpstream();
    const { tells } = followStream({ stream: upstream.url }, { kind: 'event' });
    const request = (await upstream.request(0)).open('application/x-ndjson');
    request
      .write('{"n":1}\r\n\n"')
      .write(Buffer.from('ü').subarray(0, 1))
      .write(Buffer.from('ü').subarray(1))
      .write('"\n[3');
    await tells({ n: 1 }, 'ü');
    request.response.end(']');
    await tells({ n: 1 }, 'ü', `stale: ${upstream.url} ended the stream`, [3]);
  });
});

describe('a compressed stream', () => {
  it('is inflated as it comes', async () => {
    const upstream = await streamUpstream();
    const { tells } = followStream({ stream: upstream.url }, { kind: 'event' });
    const request = (await upstream.request(0)).open('text/event-stream', { 'content-encoding': 'gzip' });
    expect(request.headers['accept-encoding']).toBe('gzip, br');
    const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
    gzip.pipe(request.response);
    gzip.write('data: 1\n\n');
    await tells(1);
    gzip.write('data: 2\n\n');
    await tells(1, 2);
    gzip.end();
    await tells(1, 2, `stale: ${upstream.url} ended the stream`);
    const second = (await upstream.request(1)).open('application/x-ndjson', { 'content-encoding': 'br' });
    second.response.end(brotliCompressSync('3\n'));
    await tells(
      1,
      2,
      `stale: ${upstream.url} ended the stream`,
      'fresh',
      3,
      `stale: ${upstream.url} ended the stream`,
    );
  });
});

describe('an upstream that has had enough', () => {
  it('is left alone for as long as it says', async () => {
    const upstream = await streamUpstream();
    upstream.answer = ({ response }, index) => {
      if (index === 0) response.writeHead(429, { 'retry-after': '1' }).end();
    };
    const clock = manualClock();
    const { tells, tellsLast } = followStream({ stream: upstream.url, clock });
    await tells(`stale: ${upstream.url} answered with status 429`);
    await clock.advance(999);
    expect(upstream.requests).toHaveLength(1);
    await clock.advance(1);
    (await upstream.request(1)).open().write('data: 1\n\n');
    await tellsLast(1);
  });

  it('ends the stream for good with 204, and is asked again only to refresh', async () => {
    const upstream = await streamUpstream();
    upstream.answer = (request, index) => {
      if (index === 0) request.response.writeHead(204).end();
      else request.open().write('data: 1\n\n');
    };
    const { tells, follower } = followStream({ stream: upstream.url });
    const over = `stale: ${upstream.url} has ended the stream for good (status 204)`;
    await tells(over);
    await follower.freshen();
    expect(upstream.requests).toHaveLength(1);
    await follower.refresh();
    await tells(over, 'fresh', 1);
  });

  it('may send a follower elsewhere on its host, but no further', async () => {
    const upstream = await streamUpstream();
    upstream.answer = (request, index) => {
      const location = index === 0 ? '/other' : 'http://elsewhere.example/';
      if (index % 2 === 0) request.response.writeHead(302, { location }).end();
      else request.open().write('data: 1\n\n').response.end();
    };
    const { view } = followStream({ stream: upstream.url });
    await upstream.request(2);
    await until(() =>
      expect(view.freshness).toEqual({
        stale: true,
        error: `${upstream.url} redirected to another host, elsewhere.example`,
      }),
    );
    expect(upstream.requests.map(({ url }) => url).slice(0, 3)).toEqual(['/events', '/other', '/events']);
  });
});
