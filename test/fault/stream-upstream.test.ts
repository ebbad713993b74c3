import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { followStream } from '../support/followed.js';
import { until } from '../support/scripted-servers.js';
import { type StreamRequest, streamUpstream } from '../support/stream-upstream.js';

describe('an upstream of events', () => {
  it('that dies between events, in events and before it answers costs none and doubles none', async () => {
    const upstream = await streamUpstream();
    const log = Array.from({ length: 300 }, (_, n) => ({ n }));
    upstream.answer = (request, index) => {
      if (index % 3 === 2) return void request.response.socket!.resetAndDestroy();
      const after = Number(request.headers['last-event-id'] ?? -1);
      const due = log.slice(after + 1, after + 40);
      const text = due.map((event, i) => `id: ${after + 1 + i}\ndata: ${JSON.stringify(event)}\n\n`).join('');
      request.open();
      // Half of them end in the middle of an event.
      request.response.write(index % 2 ? text : text.slice(0, -5), () =>
        request.response.socket?.resetAndDestroy(),
      );
    };
    const { told, follower } = followStream({ stream: upstream.url }, { kind: 'event' });
    await until(() => expect(told.filter((item) => typeof item === 'object')).toHaveLength(log.length));
    await follower.close();
    expect(told.filter((item) => typeof item === 'object')).toEqual(log);
  });

  it('that restarts is followed again', async () => {
    const upstream = await streamUpstream();
    const { tells, tellsLast, told } = followStream({ stream: upstream.url });
    (await upstream.request(0)).open().write('data: 1\n\n');
    await tells(1);
    await upstream.stop();
    await until(() => expect(told.at(-1)).toMatch(/^stale/));
    await upstream.start();
    (await upstream.request(1)).open().write('data: 2\n\n');
    await tellsLast(2);
    expect(told.slice(0, 3)).toEqual([1, expect.stringMatching(/^stale/), 'fresh']);
  });

  it('that dies in silence is taken for dead after the idle time, and not while it is slow', async () => {
    const clock = manualClock();
    const upstream = await streamUpstream();
    const { tells, view } = followStream({ stream: upstream.url, idle: 45_000, clock });
    const request = await upstream.request(0);
    request.open().write('data: 1\n\n');
    await tells(1);
    await clock.advance(44_999);
    request.write('data: {"half":\n: still there\n');
    await until(() => expect(view.asOf).toBe(clock.now()));
    await clock.advance(44_999);
    expect(view.freshness.stale).toBe(false);
    await clock.advance(1);
    await tells(1, `stale: ${upstream.url} sent nothing for 45 s`);
    await until(() => expect(request.gone).toBe(true));
  });

  it('that takes the question and never answers is given up', async () => {
    const clock = manualClock();
    const upstream = await streamUpstream();
    const { tells } = followStream({ stream: upstream.url, timeout: 2_000, clock });
    const request = await upstream.request(0);
    await clock.advance(2_000);
    await tells(`stale: ${upstream.url} did not answer within 2 s`);
    await until(() => expect(request.gone).toBe(true));
  });
});

const BOUND = 10_000;
const tooLong = `sent a message of more than ${BOUND} bytes; raise maxBytes to accept it`;

const FAULTS: [name: string, attack: (request: StreamRequest) => void, says: string][] = [
  [
    'a line without end',
    (request) => pour(request, 'text/event-stream', 'data: 1\n\ndata: ', 'x'.repeat(8_192)),
    tooLong,
  ],
  [
    'an event without end',
    (request) => pour(request, 'text/event-stream', 'data: 1\n\n', 'data:\n'.repeat(100)),
    tooLong,
  ],
  [
    'a JSON line without end',
    (request) => pour(request, 'application/x-ndjson', '1\n', '['.repeat(8_192)),
    tooLong,
  ],
  [
    'a gzip bomb',
    ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' });
      response.write(gzipSync('1\n')).valueOf();
      response.end(gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)));
    },
    tooLong,
  ],
  [
    'what is no gzip',
    ({ response }) => {
      response
        .writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
        .end('data: 1\n\n');
    },
    'sent a compressed body that is damaged',
  ],
  [
    'a page',
    ({ response }) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hi'),
    'answered with text/html, which is no stream; if it is one, say which with format',
  ],
  ['no HTTP', ({ response }) => void response.socket!.end('SSH-2.0-OpenSSH_9.6\r\n'), 'sent what is no HTTP'],
  [
    'status 500',
    ({ response }) => void response.writeHead(500).end('{"secret":1}'),
    'answered with status 500',
  ],
];

/** Sends a beginning and then the same again, for as long as anybody reads. */
function pour({ response }: StreamRequest, type: string, beginning: string, piece: string): void {
  response.writeHead(200, { 'content-type': type }).write(beginning);
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  more();
}

describe('an upstream that sends', () => {
  it.each(FAULTS)('%s is cut off with a reason', async (_name, attack, says) => {
    const upstream = await streamUpstream();
    upstream.answer = (request, index) => {
      if (index === 0) attack(request);
    };
    const { view } = followStream({ stream: upstream.url, maxBytes: BOUND });
    await until(() => expect(view.freshness).toEqual({ stale: true, error: `${upstream.url} ${says}` }));
    await until(() =>
      expect(upstream.requests[0]!.gone || upstream.requests[0]!.response.writableFinished).toBe(true),
    );
  });

  it.each([
    [
      'what is no JSON',
      'data: {"n":NaN}\n\n',
      /^stale: .* sent a message that is no JSON \(Unexpected token/,
    ],
    ['an empty message', 'data\n\n', /^stale: .* sent a message that is no JSON/],
    [
      'deep nesting',
      `data: ${'['.repeat(5_000)}${']'.repeat(5_000)}\n\n`,
      /^stale: .* nested deeper than 256 levels$/,
    ],
  ])(
    '%s in one message is stale until the next good one, on the same connection',
    async (_name, bad, says) => {
      const upstream = await streamUpstream();
      const { told, tells, follower } = followStream({ stream: upstream.url });
      const request = (await upstream.request(0)).open().write('data: 1\n\n');
      await tells(1);
      request.write(bad).write(': alive\n\n');
      await tells(1, expect.stringMatching(says));
      request.write('data: 2\n\n');
      await tells(1, expect.stringMatching(says), 'fresh', 2);
      expect(told).toHaveLength(4);
      expect(upstream.requests).toHaveLength(1);
      expect(follower.stats).toMatchObject({ connects: 1, failures: 0, messages: 2, faults: 1 });
    },
  );
});

describe('a flood', () => {
  const COUNT = 100_000;
  const text = Array.from(
    { length: COUNT },
    (_, n) => `data: {"n":${n},"text":"${'x'.repeat(40)}"}\n\n`,
  ).join('');

  it('of events arrives whole and in order, without holding the event loop', async ({ signal }) => {
    const upstream = await streamUpstream();
    upstream.answer = (request, index) => void (index === 0 && request.open().response.write(text));
    const { told, follower } = followStream({ stream: upstream.url }, { kind: 'event' });
    /** The most messages that were taken between two turns of the event loop. */
    let most = 0;
    for (let before = 0; told.length < COUNT && !signal.aborted; before = follower.stats.messages) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, follower.stats.messages - before);
    }
    expect(told.every((event, n) => (event as { n: number }).n === n)).toBe(true);
    expect(follower.stats).toMatchObject({ messages: COUNT, connects: 1 });
    expect(most).toBeLessThan(COUNT / 100);
  });

  it('of values is conflated', async () => {
    const upstream = await streamUpstream();
    upstream.answer = (request, index) => void (index === 0 && request.open().response.write(text));
    const { told, tellsLast, view } = followStream({ stream: upstream.url });
    await tellsLast({ n: COUNT - 1, text: 'x'.repeat(40) });
    expect(view.version).toBe(told.length);
    expect(told.length).toBeLessThan(COUNT / 10);
  });

  it('is held up where it is slower to be taken than to come', async () => {
    const upstream = await streamUpstream();
    let written = 0;
    let isHeldUp = false;
    upstream.answer = ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      const line = `"${'x'.repeat(1_000)}"\n`;
      const more = () => {
        while (!response.destroyed && response.write(line)) written += line.length;
        isHeldUp = true;
      };
      response.on('drain', () => {
        isHeldUp = false;
        more();
      });
      more();
    };
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { follower } = followStream(
      { stream: upstream.url },
      { kind: 'event', transform: (value) => gate.then(() => value) },
    );
    await until(() => expect(isHeldUp).toBe(true));
    const before = written;
    // Some turns, in which it could go on if nobody held it.
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(written - before).toBeLessThan(4 * 1024 * 1024);
    expect(follower.stats.messages).toBe(0);
    release();
    await until(() => expect(written).toBeGreaterThan(before + 8 * 1024 * 1024));
  });
});

it('a stop ends the connection and leaves no timer', async () => {
  const clock = manualClock();
  const upstream = await streamUpstream();
  const { follower, tells, told } = followStream({ stream: upstream.url, idle: 1_000, clock });
  const request = (await upstream.request(0)).open().write('data: 1\n\n');
  await tells(1);
  await follower.close();
  await until(() => expect(request.gone).toBe(true));
  expect(clock.pending).toBe(0);
  expect(told).toEqual([1]);
});
