import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../server/config/schema.js';
import { type Asked, upstreams } from '../support/commanded-upstream.js';
import { POLICIES } from '../support/policies.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';
import { cleanUp, connectRaw } from './loop-client.js';

const ANSWER = /^\{"winner":"http:\/\/127\.0\.0\.1:\d+\/q","elapsed":\d+(\.\d)?,"value":.*\}$/;

describe.each(POLICIES)('a race on %s', (loop) => {
  afterEach(cleanUp);

  /** A server with a source `q` of several URLs that the test answers by hand. */
  async function serve(count: number, config: ConfigInput = {}) {
    const asked = await upstreams(count);
    const server = await startServer({
      loop,
      tcp: { race: { port: 0 } },
      topics: [{ topic: 'note' }, { topic: 'chat/{room}', kind: 'event' }],
      ...config,
      sources: [
        {
          topic: 'q',
          every: '1h',
          fetch: { strategy: 'fallback', urls: asked.map(({ url }) => `${url}?key=hunter2`) },
        },
        ...(config.sources ?? []),
      ],
    });
    const { listeners } = server.headwater;
    const race = listeners.find(({ name }) => name === 'race');
    return { ...server, asked, port: race!.port };
  }

  const requestOf = async (asked: { request(index: number): Promise<Asked> }[], index: number) =>
    await asked[index]!.request(0);
  const lines = (received: Buffer | string) => String(received).split('\n').slice(0, -1);

  describe('over HTTP', () => {
    it('is won by the first good answer, and cuts the others at their sockets', async () => {
      const { url, asked } = await serve(3);
      const answered = fetch(`${url}/race/q`);
      const [failing, winner, loser] = await Promise.all([0, 1, 2].map((index) => requestOf(asked, index)));
      failing!.status(500);
      winner!.answer({ n: 2 });
      const response = await answered;
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const body = await response.text();
      expect(body).toMatch(ANSWER);
      expect(body).not.toContain('hunter2');
      expect(JSON.parse(body)).toMatchObject({ winner: asked[1]!.url, value: { n: 2 } });
      await until(() => expect(loser!.aborted).toBe(true));
    });

    it('says why when no answer is good, without what is secret', async () => {
      const { url, asked } = await serve(2);
      const answered = fetch(`${url}/race/q`);
      (await requestOf(asked, 0)).status(500);
      (await requestOf(asked, 1)).status(404);
      const response = await answered;
      expect(response.status).toBe(503);
      const problem = (await response.json()) as { code: string; detail: string };
      expect(problem.code).toBe('unavailable');
      expect(problem.detail).toMatch(
        /^none of 2 URLs gave a good answer: http.* answered with status 500; http/,
      );
      expect(problem.detail).not.toContain('hunter2');
    });

    it('leaves the topic as it is', async () => {
      const { url, asked, headwater } = await serve(1);
      const answered = fetch(`${url}/race/q`);
      (await requestOf(asked, 0)).answer(1);
      expect((await answered).status).toBe(200);
      expect(headwater.topic('q').value).toBeUndefined();
    });

    it.each([
      ['nothing', 404, 'unknown_topic', /there is no topic "nothing"/],
      ['../etc', 404, 'unknown_topic', /there is no topic/],
      ['note', 400, 'bad_request', /"note" cannot be raced: it is published to, not fetched/],
      ['chat/a', 400, 'bad_request', /"chat\/a" cannot be raced: it is published to/],
      ['code', 400, 'bad_request', /"code" cannot be raced: its source asks no URLs of its own/],
    ])('of %s is refused', async (name, status, code, detail) => {
      const { url, headwater } = await serve(1, {
        sources: [{ topic: 'code', every: '1h', fetch: () => 1 }],
      });
      const response = await fetch(`${url}/race/${encodeURIComponent(name)}`);
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code, detail: expect.stringMatching(detail) });
      expect(headwater.topics()).not.toContain('chat/a');
    });

    it('is shared by all who ask while it is on', async () => {
      const { url, asked } = await serve(2);
      const answers = Array.from({ length: 20 }, async () => (await fetch(`${url}/race/q`)).text());
      const request = await requestOf(asked, 1);
      await fetch(`${url}/healthz`);
      request.answer('shared');
      const bodies = new Set(await Promise.all(answers));
      expect([...bodies].every((body) => JSON.parse(body).value === 'shared')).toBe(true);
      expect(asked[1]!.asked.length).toBeLessThanOrEqual(2);
    });

    it('is called off at the sockets when all who waited have left, not before', async () => {
      const { url, asked } = await serve(2);
      const leaving = [new AbortController(), new AbortController()];
      const answers = leaving.map(({ signal }) => fetch(`${url}/race/q`, { signal }).catch(() => 'left'));
      const requests = await Promise.all([requestOf(asked, 0), requestOf(asked, 1)]);
      leaving[0]!.abort();
      await answers[0];
      await fetch(`${url}/healthz`);
      expect(requests.map(({ aborted }) => aborted)).toEqual([false, false]);
      leaving[1]!.abort();
      await until(() => expect(requests.map(({ aborted }) => aborted)).toEqual([true, true]));
    });

    it('is not open to pages of foreign origins', async () => {
      const { url, asked } = await serve(1);
      const response = await fetch(`${url}/race/q`, { headers: { origin: 'https://foreign.example' } });
      expect(response.status).toBe(403);
      expect(asked[0]!.asked).toEqual([]);
    });

    it('is refused while 32 others are on', async () => {
      const [hanging] = await upstreams(1);
      const topics = Array.from({ length: 33 }, (_, index) => `t${index}`);
      const { url } = await startServer({
        loop,
        sources: topics.map((topic) => ({ topic, every: '1h', fetch: `${hanging!.url}?${topic}` })),
      });
      const leaving = new AbortController();
      const running = topics
        .slice(0, 32)
        .map((topic) => fetch(`${url}/race/${topic}`, { signal: leaving.signal }).catch(() => {}));
      await hanging!.request(31);
      const response = await fetch(`${url}/race/t32`);
      expect(response.status).toBe(429);
      expect(await response.json()).toMatchObject({ code: 'limit' });
      leaving.abort();
      await Promise.all(running);
    });

    it('answers that the server stops when it does', async () => {
      const { url, asked, headwater } = await serve(1);
      const answered = fetch(`${url}/race/q`);
      const request = await requestOf(asked, 0);
      await headwater.close();
      const response = await answered;
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ detail: expect.stringMatching(/the server stops/) });
      await until(() => expect(request.aborted).toBe(true));
    });
  });

  describe('over TCP', () => {
    it('answers netcat, which half-closes, with one line, then closes', async () => {
      const { asked, port } = await serve(2);
      const nc = spawn('nc', ['-N', '127.0.0.1', String(port)]);
      onTestFinished(() => void nc.kill());
      nc.stdin.end('q\n');
      (await requestOf(asked, 1)).answer({ a: 'two\nlines' });
      const [received] = await Promise.all([text(nc.stdout), once(nc, 'close')]);
      expect(lines(received)).toHaveLength(1);
      expect(lines(received)[0]).toMatch(ANSWER);
      expect(JSON.parse(received)).toMatchObject({ winner: asked[1]!.url, value: { a: 'two\nlines' } });
    });

    it('stays open after an error, which is a line too', async () => {
      const { asked, port } = await serve(1);
      const peer = await connectRaw(port);
      peer.send('nothing\n');
      const error = await peer.untilText('\n');
      expect(JSON.parse(error)).toEqual({
        type: 'error',
        code: 'unknown_topic',
        message: expect.stringContaining('there is no topic "nothing"'),
      });
      peer.send('q\r\n');
      (await requestOf(asked, 0)).answer(7);
      const all = await peer.until((received) => lines(received).length === 2);
      expect(JSON.parse(lines(all)[1]!)).toMatchObject({ value: 7 });
    });

    it('answers lines that come at once in their order, whichever race ends first', async () => {
      const [other] = await upstreams(1);
      const { asked, port } = await serve(1, {
        sources: [{ topic: 'other', every: '1h', fetch: other!.url }],
      });
      const peer = await connectRaw(port);
      peer.send('q\nother\nnothing\nq');
      peer.socket.end();
      (await other!.request(0)).answer('other');
      (await requestOf(asked, 0)).answer('q');
      const answers = lines(await peer.closed).map((line) => JSON.parse(line));
      expect(answers).toMatchObject([{ value: 'q' }, { value: 'other' }, { type: 'error' }, { value: 'q' }]);
      expect(asked[0]!.asked).toHaveLength(1);
    });

    it.each([
      ['no name', '\n', 'bad_request'],
      ['a line without end', 'x'.repeat(1_000_000), 'too_large'],
      ['a name of 256 bytes', 'x'.repeat(256), 'too_large'],
      ['a name of 255 bytes', 'x'.repeat(255), 'unknown_topic'],
      ['bytes that are no text', Buffer.from([0xff, 0x00, 0xfe, 0x1b]), 'unknown_topic'],
      ['HTTP', 'GET / HTTP/1.1', 'unknown_topic'],
      ['a way out', '../../etc/passwd', 'unknown_topic'],
    ])('refuses %s once, and goes on', async (_what, bytes, code) => {
      const { asked, port } = await serve(1);
      const peer = await connectRaw(port);
      peer.send(bytes);
      peer.send(_what === 'no name' ? 'q\n' : '\nq\n');
      (await requestOf(asked, 0)).answer(1);
      const all = await peer.until((received) => lines(received).length === 2);
      const answers = lines(all).map((line) => JSON.parse(line));
      expect(answers).toMatchObject([{ type: 'error', code }, { value: 1 }]);
    });

    it('has at most 8 lines of a client in work, and reads no more meanwhile', async () => {
      const names = Array.from({ length: 40 }, (_, index) => `t${index}`);
      const [slow] = await upstreams(1);
      const { port } = await serve(1, {
        sources: names.map((topic) => ({ topic, every: '1h', fetch: `${slow!.url}?${topic}` })),
      });
      const peer = await connectRaw(port);
      peer.send(names.map((name) => `${name}\n`).join(''));
      peer.socket.end();
      for (let index = 0; index < names.length; index++) {
        const request = await slow!.request(index);
        expect(slow!.asked.length).toBeLessThanOrEqual(index + 8);
        request.answer(index);
      }
      const values = lines(await peer.closed).map((line) => JSON.parse(line).value);
      expect(values).toHaveLength(40);
      expect(new Set(values).size).toBe(40);
    });

    it('is bounded by the kernel where a client floods it and reads nothing', async () => {
      const { port, url } = await serve(1);
      const peer = await connectRaw(port, { paused: true });
      const flood = Buffer.alloc(1024 * 1024, '\n');
      const before = process.memoryUsage().rss;
      let sent = 0;
      for (let quiet = 0; quiet < 20; ) {
        const written = peer.socket.bytesWritten - peer.socket.writableLength;
        while (peer.socket.writableLength < flood.length && sent < 64) {
          sent += 1;
          peer.socket.write(flood);
        }
        // Others are served meanwhile.
        expect((await fetch(`${url}/healthz`)).status).toBe(200);
        quiet = written === peer.socket.bytesWritten - peer.socket.writableLength ? quiet + 1 : 0;
      }
      expect(peer.socket.bytesWritten - peer.socket.writableLength).toBeLessThan(64 * flood.length);
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
    });

    it('is called off at the sockets when its client goes away', async () => {
      const { asked, port } = await serve(2);
      const peer = await connectRaw(port);
      peer.send('q\n');
      const requests = await Promise.all([requestOf(asked, 0), requestOf(asked, 1)]);
      peer.socket.resetAndDestroy();
      await until(() => expect(requests.map(({ aborted }) => aborted)).toEqual([true, true]));
    });

    it('counts its connections among those of the server', async () => {
      const { port } = await serve(1, { limits: { connections: 1 } });
      const first = await connectRaw(port);
      first.send('nothing\n');
      await first.untilText('unknown_topic');
      const second = await connectRaw(port);
      expect(JSON.parse((await second.closed).toString())).toMatchObject({ type: 'error', code: 'limit' });
      first.socket.end();
      await first.closed;
      const third = await connectRaw(port);
      third.send('nothing\n');
      await third.untilText('unknown_topic');
    });

    it('answers what is due when the server stops, then closes', async () => {
      const { asked, port, headwater } = await serve(1);
      const peer = await connectRaw(port);
      peer.send('q\n');
      const request = await requestOf(asked, 0);
      const stopped = headwater.close();
      expect(JSON.parse((await peer.closed).toString())).toMatchObject({
        type: 'error',
        code: 'unavailable',
        message: expect.stringContaining('the server stops'),
      });
      await until(() => expect(request.aborted).toBe(true));
      await stopped;
    });
  });
});
