import { describe, expect, it } from 'vitest';
import type { Json } from '../../shared/json.js';
import type { ServerMessage } from '../../shared/messages.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { replay } from '../support/replay.js';
import { AUTHORIZED, startServer, type TestServer } from '../support/server.js';

const ofType =
  <T extends ServerMessage['type']>(type: T, topic?: string) =>
  (message: ServerMessage): message is Extract<ServerMessage, { type: T }> =>
    message.type === type && (topic === undefined || ('topic' in message && message.topic === topic));

async function put({ url }: TestServer, topic: string, value: Json, headers: Record<string, string> = {}) {
  return fetch(`${url}/topics/${topic}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...AUTHORIZED, ...headers },
    body: JSON.stringify(value),
  });
}

async function post({ url }: TestServer, topic: string, event: Json) {
  const headers = { 'content-type': 'application/json', ...AUTHORIZED };
  return fetch(`${url}/topics/${topic}`, { method: 'POST', headers, body: JSON.stringify(event) });
}

describe.each(POLICIES)('delivery on %s', (loop) => {
  const TOPICS = [{ topic: 'board' }, { topic: 'other' }, { topic: 'log/{name}', kind: 'event' as const }];
  const start = (more = {}) => startServer({ loop, topics: TOPICS, ...more });

  describe('over WebSocket', () => {
    it('says hello, then answers a subscribe before the value', async () => {
      const server = await start();
      server.headwater.topic('board').set({ a: 1 });
      const { inbox, say } = await openWebSocket(server.wsUrl);
      expect(await inbox.next()).toEqual({
        type: 'hello',
        server: expect.stringMatching(/^headwater\//),
        heartbeat: 25_000,
      });
      say({ type: 'subscribe', id: 1, topic: 'board' });
      const subscribed = await inbox.next();
      expect(subscribed).toEqual({
        type: 'subscribed',
        id: 1,
        topic: 'board',
        kind: 'state',
        epoch: expect.stringMatching(/^\w+$/),
        version: 1,
        resumed: false,
      });
      expect(await inbox.next()).toEqual({
        type: 'value',
        topic: 'board',
        epoch: (subscribed as { epoch: string }).epoch,
        version: 1,
        value: { a: 1 },
        asOf: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      });
    });

    it('sends patches to those who take patches and values to those who want values', async () => {
      const server = await start();
      const board = server.headwater.topic('board');
      board.set({ n: 0, text: 'x'.repeat(200) });
      const patched = await openWebSocket(server.wsUrl);
      const whole = await openWebSocket(server.wsUrl);
      patched.say({ type: 'subscribe', topic: 'board' });
      whole.say({ type: 'subscribe', topic: 'board', mode: 'value' });
      await patched.inbox.nextWhere(ofType('value'));
      await whole.inbox.nextWhere(ofType('value'));
      board.patch([{ op: 'replace', path: '/n', value: 1 }]);
      expect(await patched.inbox.next()).toMatchObject({
        type: 'patch',
        topic: 'board',
        from: 1,
        version: 2,
        patch: [{ op: 'replace', path: '/n', value: 1 }],
      });
      expect(await whole.inbox.next()).toMatchObject({ type: 'value', version: 2, value: { n: 1 } });
    });

    it('says version 0 of a topic without a value, which comes when it is there', async () => {
      const server = await start();
      const { inbox, say } = await openWebSocket(server.wsUrl);
      say({ type: 'subscribe', id: 'a', topic: 'board' });
      expect(await inbox.nextWhere(ofType('subscribed'))).toMatchObject({
        id: 'a',
        version: 0,
        resumed: false,
      });
      server.headwater.topic('board').set('now');
      expect(await inbox.next()).toMatchObject({ type: 'value', version: 1, value: 'now' });
    });

    it('puts what one flush has for a connection into one frame a topic, in order', async () => {
      const server = await start();
      const { inbox, frames, say } = await openWebSocket(server.wsUrl);
      say({ type: 'subscribe', topic: 'log/a' });
      await inbox.nextWhere(ofType('subscribed'));
      const log = server.headwater.topic('log/a');
      for (const n of [1, 2, 3]) log.append(n);
      await inbox.nextWhere((message) => message.type === 'event' && message.version === 3);
      expect(frames.at(-1)).toEqual(
        [1, 2, 3].map((n) => ({ type: 'event', topic: 'log/a', version: n, event: n })),
      );
    });

    it('stops after unsubscribe, and says so once', async () => {
      const server = await start();
      const { inbox, say } = await openWebSocket(server.wsUrl);
      say({ type: 'subscribe', topic: 'board' });
      say({ type: 'unsubscribe', id: 2, topic: 'board' });
      expect(await inbox.nextWhere(ofType('unsubscribed'))).toEqual({
        type: 'unsubscribed',
        id: 2,
        topic: 'board',
      });
      server.headwater.topic('board').set(1);
      say({ type: 'unsubscribe', id: 3, topic: 'board' });
      expect(await inbox.next()).toMatchObject({ type: 'error', id: 3, code: 'bad_request' });
      say({ type: 'ping', id: 4 });
      expect(await inbox.next()).toEqual({ type: 'pong', id: 4 });
    });

    it('resumes from a cursor with the patches that were missed', async () => {
      const server = await start();
      const board = server.headwater.topic('board');
      board.set({ n: 0, text: 'x'.repeat(300) });
      const first = await openWebSocket(server.wsUrl);
      first.say({ type: 'subscribe', topic: 'board' });
      const held = await first.inbox.nextWhere(ofType('value'));
      first.socket.close();
      await first.closed;
      const follower = await openWebSocket(server.wsUrl);
      follower.say({ type: 'subscribe', topic: 'board' });
      await follower.inbox.nextWhere(ofType('value'));
      for (let n = 1; n <= 3; n++) {
        board.patch([{ op: 'replace', path: '/n', value: n }]);
        await follower.inbox.nextWhere(ofType('patch'));
      }
      const again = await openWebSocket(server.wsUrl);
      const { epoch, version } = held as { epoch: string; version: number };
      again.say({ type: 'subscribe', topic: 'board', since: { epoch, version } });
      expect(await again.inbox.nextWhere(ofType('subscribed'))).toMatchObject({ resumed: true, version: 4 });
      const patch = await again.inbox.next();
      expect(patch.type).toBe('patch');
      expect(replay([patch], { version, value: (held as { value: Json }).value })).toMatchObject({
        version: 4,
        value: { n: 3 },
      });
    });

    it.each([
      ['of another life', { epoch: 'elsewhere', version: 1 }],
      ['of the future', { epoch: '', version: 99 }],
      ['too old for the history', { epoch: '', version: 1 }],
    ])('answers a cursor %s with the value', async (_, cursor) => {
      const server = await start({ topics: [{ topic: 'board', history: { count: 1 } }] });
      const board = server.headwater.topic('board');
      for (let n = 0; n < 3; n++) {
        await put(server, 'board', { n, text: 'x'.repeat(300) });
      }
      expect(board.version).toBe(3);
      const { inbox, say } = await openWebSocket(server.wsUrl);
      say({ type: 'subscribe', topic: 'board' });
      const { epoch } = (await inbox.nextWhere(ofType('subscribed'))) as { epoch: string };
      await inbox.next();
      say({ type: 'subscribe', topic: 'board', since: { ...cursor, epoch: cursor.epoch || epoch } });
      expect(await inbox.next()).toMatchObject({ type: 'subscribed', resumed: false });
      expect(await inbox.next()).toMatchObject({ type: 'value', version: 3, value: { n: 2 } });
    });

    it('joins snapshot and live updates without a hole or a duplicate while the topic races', async () => {
      const server = await start();
      const board = server.headwater.topic('board');
      let n = 0;
      const timer = setInterval(() => board.set({ n: ++n, text: 'x'.repeat(200) }), 1);
      try {
        for (let round = 0; round < 20; round++) {
          const { inbox, say, socket, closed } = await openWebSocket(server.wsUrl);
          say({ type: 'subscribe', topic: 'board' });
          for (let got = 0; got < 10; got++) await inbox.nextWhere(ofType('patch'));
          socket.terminate();
          await closed;
          const { version, value } = replay(inbox.all);
          expect(version).toBeGreaterThan(10);
          expect(value).toMatchObject({ n: expect.any(Number) });
        }
      } finally {
        clearInterval(timer);
      }
    });

    it('tells of lost events by a gap, then sends what history has', async () => {
      const server = await start({ topics: [{ topic: 'log/{name}', kind: 'event', history: { count: 3 } }] });
      const log = server.headwater.topic('log/a');
      for (let n = 1; n <= 10; n++) log.append(n);
      await put(server, 'board', 1);
      const { inbox, say } = await openWebSocket(server.wsUrl);
      say({ type: 'subscribe', topic: 'log/a' });
      const { epoch } = (await inbox.nextWhere(ofType('subscribed'))) as { epoch: string };
      say({ type: 'subscribe', topic: 'log/a', since: { epoch, version: 2 } });
      await inbox.nextWhere(ofType('subscribed'));
      expect(await inbox.next()).toEqual({ type: 'gap', topic: 'log/a', from: 2, version: 7 });
      for (const n of [8, 9, 10]) {
        expect(await inbox.next()).toEqual({ type: 'event', topic: 'log/a', version: n, event: n });
      }
    });
  });

  describe('over SSE', () => {
    it('streams values by default, each with the cursor as its id', async () => {
      const server = await start();
      const board = server.headwater.topic('board');
      board.set({ n: 1 });
      const { response, inbox } = await openEventStream(`${server.url}/topics/board`);
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-accel-buffering')).toBe('no');
      const first = await inbox.next();
      expect(first.message).toMatchObject({ type: 'value', topic: 'board', version: 1, value: { n: 1 } });
      expect(first.id).toBe(`${(first.message as { epoch: string }).epoch}:1`);
      board.set({ n: 2 });
      expect((await inbox.next()).message).toMatchObject({ type: 'value', version: 2, value: { n: 2 } });
    });

    it('streams patches where asked to, and resumes from Last-Event-ID and from ?lastEventId', async () => {
      const server = await start();
      const board = server.headwater.topic('board');
      const text = 'x'.repeat(300);
      board.set({ n: 1, text });
      const stream = await openEventStream(`${server.url}/topics/board?mode=patch`);
      const first = await stream.inbox.next();
      board.set({ n: 2, text });
      expect((await stream.inbox.next()).message).toMatchObject({ type: 'patch', from: 1, version: 2 });
      const resumed = await openEventStream(`${server.url}/topics/board?mode=patch`, {
        'last-event-id': first.id!,
      });
      expect((await resumed.inbox.next()).message).toMatchObject({ type: 'patch', from: 1, version: 2 });
      const byQuery = await openEventStream(
        `${server.url}/sse?topic=board&mode=patch&lastEventId=${first.id}`,
      );
      expect((await byQuery.inbox.next()).message).toMatchObject({ type: 'patch', from: 1, version: 2 });
    });

    it('resumes a stream of several topics from the id that follows each flush', async () => {
      const server = await start();
      const board = server.headwater.topic('board');
      const other = server.headwater.topic('other');
      const text = 'x'.repeat(300);
      board.set({ n: 1, text });
      other.set({ m: 1, text });
      const url = `${server.url}/sse?topic=board&topic=other&mode=patch`;
      const stream = await openEventStream(url);
      const before = [(await stream.inbox.next()).message, (await stream.inbox.next()).message];
      expect(before.map((message) => message.type)).toEqual(['value', 'value']);
      other.set({ m: 2, text });
      await stream.inbox.next();
      await expect.poll(() => stream.text()).toMatch(/\nid: \w+:1,\w+:2\n\n$/);
      const id = /id: ([^\n]+)\n\n$/.exec(stream.text())![1]!;
      stream.close();
      board.set({ n: 2, text });
      const again = await openEventStream(url, { 'last-event-id': id });
      expect((await again.inbox.next()).message).toMatchObject({
        type: 'patch',
        topic: 'board',
        from: 1,
        version: 2,
      });
      other.set({ m: 3, text });
      expect((await again.inbox.next()).message).toMatchObject({
        type: 'patch',
        topic: 'other',
        from: 2,
        version: 3,
      });
    });

    it('lets a reader of events resume that was cut off before the first event', async () => {
      const server = await start();
      const stream = await openEventStream(`${server.url}/topics/log/a`);
      await expect.poll(() => stream.text()).toMatch(/id: (\w+:0)\n\n/);
      const id = /id: (\w+:0)\n\n/.exec(stream.text())![1]!;
      stream.close();
      server.headwater.topic('log/a').append('missed');
      const again = await openEventStream(`${server.url}/topics/log/a`, { 'last-event-id': id });
      expect((await again.inbox.next()).message).toEqual({
        type: 'event',
        topic: 'log/a',
        version: 1,
        event: 'missed',
      });
    });

    it('refuses unknown topics, bad modes and too many topics before the stream begins', async () => {
      const server = await start({ limits: { subscriptionsPerConnection: 2 } });
      for (const [path, status, code] of [
        ['/topics/nothing', 404, 'unknown_topic'],
        ['/sse?topic=board&topic=nothing', 404, 'unknown_topic'],
        ['/sse', 400, 'bad_request'],
        ['/sse?topic=board&mode=all', 400, 'bad_request'],
        ['/sse?topic=board&topic=other&topic=log/a', 429, 'limit'],
      ] as const) {
        const response = await fetch(server.url + path, { headers: { accept: 'text/event-stream' } });
        expect(response.status, path).toBe(status);
        expect(response.headers.get('content-type')).toBe('application/problem+json');
        expect(await response.json()).toMatchObject({ code, status });
      }
    });

    it('sends a comment every heartbeat', async () => {
      const server = await start({ heartbeat: '100ms' });
      const stream = await openEventStream(`${server.url}/topics/board`);
      await expect.poll(() => stream.text()).toMatch(/:\n\n:\n\n/);
    });
  });

  describe('over HTTP', () => {
    it('answers with validators, and 304 to who holds the version', async () => {
      const server = await start();
      await put(server, 'board', { a: 1 });
      const response = await fetch(`${server.url}/topics/board`);
      expect(await response.json()).toEqual({ a: 1 });
      const etag = response.headers.get('etag')!;
      expect(etag).toMatch(/^"\w+:1"$/);
      expect(response.headers.get('age')).toMatch(/^\d+$/);
      expect(Date.parse(response.headers.get('last-modified')!)).not.toBeNaN();
      for (const held of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const again = await fetch(`${server.url}/topics/board`, { headers: { 'if-none-match': held } });
        expect(again.status, held).toBe(304);
      }
      const head = await fetch(`${server.url}/topics/board`, { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '7', '']);
    });

    it('long-polls with If-None-Match until the version changes', async () => {
      const server = await start();
      await put(server, 'board', 1);
      const etag = (await fetch(`${server.url}/topics/board`)).headers.get('etag')!;
      const waiting = fetch(`${server.url}/topics/board`, {
        headers: { 'if-none-match': etag, prefer: 'wait=20' },
      });
      await expect.poll(() => subscribersOf(server, 'board')).toBe(1);
      await put(server, 'board', 2);
      const response = await waiting;
      expect([response.status, await response.json()]).toEqual([200, 2]);
      expect(response.headers.get('preference-applied')).toBe('wait=20');
      await expect.poll(() => subscribersOf(server, 'board')).toBe(0);
      const late = await fetch(`${server.url}/topics/board`, {
        headers: { 'if-none-match': response.headers.get('etag')!, prefer: 'wait=1' },
      });
      expect(late.status).toBe(304);
    });

    it('answers since a cursor with the messages after it, at once, later or never', async () => {
      const server = await start();
      const text = 'x'.repeat(300);
      await put(server, 'board', { n: 1, text });
      const etag = (await fetch(`${server.url}/topics/board`)).headers.get('etag')!;
      const since = (tag: string, wait = 0) =>
        fetch(`${server.url}/topics/board?since=${tag.replaceAll('"', '')}&wait=${wait}`);
      const waiting = since(etag, 20);
      await expect.poll(() => subscribersOf(server, 'board')).toBe(1);
      await put(server, 'board', { n: 2, text });
      const response = await waiting;
      expect(await response.json()).toMatchObject([{ type: 'patch', from: 1, version: 2 }]);
      const cursor = response.headers.get('etag')!;
      expect(response.headers.get('cache-control')).toMatch(/^public, max-age=\d$/);
      expect(await (await since(cursor, 1)).json()).toEqual([]);
      await put(server, 'board', { n: 3, text });
      expect(await (await since(etag)).json()).toMatchObject([{ type: 'patch', from: 1, version: 3 }]);
      expect(await (await since('elsewhere:7')).json()).toMatchObject([{ type: 'value', version: 3 }]);
      expect((await since('nonsense')).status).toBe(400);
    });

    it('lists topics with kind, version, age, status and subscribers', async () => {
      const server = await start();
      await put(server, 'board', 1);
      await post(server, 'log/a', 'x');
      await openEventStream(`${server.url}/topics/board`);
      await expect.poll(() => subscribersOf(server, 'board')).toBe(1);
      const topics = await (await fetch(`${server.url}/topics`)).json();
      const asOf = expect.stringMatching(/Z$/);
      expect(topics).toEqual([
        { topic: 'board', kind: 'state', version: 1, asOf, stale: false, subscribers: 1 },
        { topic: 'log/a', kind: 'event', version: 1, asOf, stale: false, subscribers: 0 },
        { topic: 'other', kind: 'state', version: 0, stale: false, subscribers: 0 },
      ]);
    });

    it('answers 404 for a topic nobody declared and for one without a value', async () => {
      const server = await start();
      for (const name of ['nothing', 'board', 'a//b', '%ff', 'log/a/b']) {
        const response = await fetch(`${server.url}/topics/${name}`);
        expect(response.status, name).toBe(name === '%ff' ? 400 : 404);
        expect(response.headers.get('content-type')).toBe('application/problem+json');
      }
    });
  });
});

async function subscribersOf({ url }: TestServer, topic: string): Promise<number> {
  const topics = (await (await fetch(`${url}/topics`)).json()) as { topic: string; subscribers: number }[];
  return topics.find((entry) => entry.topic === topic)?.subscribers ?? 0;
}
