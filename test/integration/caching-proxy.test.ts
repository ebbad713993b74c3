import { describe, expect, it } from 'vitest';
import type { ServerMessage } from '../../shared/messages.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { hasNginx, nginxBefore } from '../support/nginx.js';
import { POLICIES } from '../support/policies.js';
import { AUTHORIZED, startServer } from '../support/server.js';

if (!hasNginx) console.warn('skipped: nginx is not installed (apt-get install nginx-light)');

const CROWD = 1_000;
/** Of polls that run out, in seconds: long enough that all of a crowd come before it is over. */
const WAIT = 5;
const PAD = 'x'.repeat(300);

interface Polled {
  status: number;
  cursor: string;
  messages: ServerMessage[];
}

describe.skipIf(!hasNginx).each(POLICIES)('behind a caching nginx on %s', (loop) => {
  const topics = [{ topic: 'board' }];

  async function poll(url: string, since: string, wait = 30): Promise<Polled> {
    const answer = await fetch(`${url}/topics/board?since=${since}&wait=${wait}`);
    return {
      status: answer.status,
      cursor: JSON.parse(answer.headers.get('etag') ?? '""'),
      messages: (await answer.json()) as ServerMessage[],
    };
  }

  async function subscribers(url: string): Promise<number> {
    const [board] = (await (await fetch(`${url}/topics`)).json()) as [{ subscribers: number }];
    return board.subscribers;
  }

  it(`${CROWD} long-pollers reach the server as one, round after round`, async () => {
    const server = await startServer({ loop, topics });
    const nginx = await nginxBefore(server.url);
    const board = server.headwater.topic('board');
    board.set({ n: 0, PAD });
    let { cursor } = await poll(server.url, 'none:0');
    for (let round = 1; round <= 2; round++) {
      const polls = Array.from({ length: CROWD }, () => poll(nginx.url, cursor));
      await expect.poll(() => nginx.inWork()).toBe(CROWD);
      await expect.poll(() => subscribers(server.url)).toBe(1);

      board.set({ n: round, PAD });
      const answers = await Promise.all(polls);
      const [first] = answers;
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(first).toMatchObject({
        status: 200,
        messages: [{ type: 'patch', from: round, version: round + 1 }],
      });
      const outcomes = (await nginx.outcomes(round * CROWD)).filter(({ uri }) =>
        uri.includes(`since=${cursor}&`),
      );
      expect(outcomes).toHaveLength(CROWD);
      expect(outcomes.filter(({ cache }) => cache !== 'HIT')).toHaveLength(1);
      cursor = first!.cursor;
    }
  });

  it('collapses a wait that runs out too, and asks anew after the second that its answer is good for', async () => {
    const server = await startServer({ loop, topics });
    const nginx = await nginxBefore(server.url);
    const board = server.headwater.topic('board');
    board.set({ n: 0, PAD });
    const { cursor } = await poll(server.url, 'none:0');
    const answers = await Promise.all(Array.from({ length: 50 }, () => poll(nginx.url, cursor, WAIT)));
    for (const answer of answers) expect(answer).toEqual({ status: 200, cursor, messages: [] });
    const askedIn = async (requests: number) =>
      (await nginx.outcomes(requests)).filter(({ cache }) => cache !== 'HIT').length;
    expect(await askedIn(answers.length)).toBe(1);

    board.set({ n: 1, PAD });
    let requests = answers.length;
    await expect
      .poll(async () => {
        requests++;
        return (await poll(nginx.url, cursor, WAIT)).messages;
      })
      .toHaveLength(1);
    expect(await askedIn(requests)).toBe(2);
  });

  it('never caches an error', async () => {
    const server = await startServer({ loop, topics });
    const nginx = await nginxBefore(server.url);
    expect((await fetch(`${nginx.url}/topics/nothing?since=abc:1`)).status).toBe(404);
    expect((await fetch(`${nginx.url}/topics/board?since=nonsense`)).status).toBe(400);
    server.headwater.topic('nothing').set(1);
    expect((await fetch(`${nginx.url}/topics/nothing?since=abc:1`)).status).toBe(200);
    expect((await nginx.outcomes(3)).filter(({ cache }) => cache === 'HIT')).toEqual([]);
  });

  it('lets pages of its public name in, and no others', async () => {
    const server = await startServer({ loop, topics });
    const nginx = await nginxBefore(server.url);
    const wsUrl = `${nginx.url.replace('http', 'ws')}/ws`;
    const headers = { host: 'live.example' };
    const { inbox } = await openWebSocket(wsUrl, { origin: 'http://live.example', headers });
    expect(await inbox.next()).toMatchObject({ type: 'hello' });
    await expect(openWebSocket(wsUrl, { origin: 'http://evil.example', headers })).rejects.toThrow('403');
  });

  it('reads, publishes, streams events and speaks WebSocket, none of it out of the cache', async () => {
    const server = await startServer({ loop, topics });
    const nginx = await nginxBefore(server.url);
    const put = async (value: unknown) => {
      const body = JSON.stringify(value);
      const headers = { ...AUTHORIZED, 'content-type': 'application/json' };
      const answer = await fetch(`${nginx.url}/topics/board`, { method: 'PUT', headers, body });
      expect(answer.status).toBe(200);
    };
    await put(1);
    expect(await (await fetch(`${nginx.url}/topics/board`)).json()).toBe(1);
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => openEventStream(`${nginx.url}/topics/board`)),
    );
    const socket = await openWebSocket(`${nginx.url.replace('http', 'ws')}/ws`);
    socket.say({ type: 'subscribe', topic: 'board' });
    await socket.inbox.nextWhere((message) => message.type === 'value');
    for (const stream of streams) expect((await stream.inbox.next()).message).toMatchObject({ value: 1 });
    await put(2);
    expect(await (await fetch(`${nginx.url}/topics/board`)).json()).toBe(2);
    expect(await socket.inbox.next()).toMatchObject({ type: 'value', value: 2 });
    for (const stream of streams) expect((await stream.inbox.next()).message).toMatchObject({ value: 2 });
    for (const stream of streams) stream.close();
    expect((await nginx.outcomes(4 + streams.length)).filter(({ cache }) => cache === 'HIT')).toEqual([]);
  });
});
