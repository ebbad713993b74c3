import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { AUTHORIZED, startServer, type TestServer } from '../support/server.js';

async function topicsOf({ url }: TestServer): Promise<string[]> {
  const list = (await (await fetch(`${url}/topics`)).json()) as { topic: string }[];
  return list.map(({ topic }) => topic);
}

/** What once went wrong, each shown to fail before it was mended. */
describe.each(POLICIES)('on %s, what once went wrong:', (loop) => {
  it('a stream over the limit of topics ended the process', async () => {
    const server = await startServer({
      loop,
      topics: [{ topic: 'room/{name}', kind: 'event' }],
      limits: { topics: 2 },
    });
    const kept = await openEventStream(`${server.url}/topics/room/a`);
    for (const path of ['/sse?topic=room/b&topic=room/c', '/sse?topic=room/b&topic=nothing']) {
      const refused = await fetch(server.url + path);
      expect([429, 404]).toContain(refused.status);
      expect(await refused.json()).toMatchObject({ code: expect.any(String) });
    }
    server.headwater.topic('room/a').append(1);
    expect((await kept.inbox.next()).message).toMatchObject({ type: 'event', version: 1 });
    expect(await topicsOf(server)).toEqual(['room/a']);
  });

  it.each(['constructor', 'toString', '__proto__'])(
    'the media type %s let any body through',
    async (type) => {
      const server = await startServer({ loop, topics: [{ topic: 'log', kind: 'event' }] });
      const response = await fetch(`${server.url}/topics/log`, {
        method: 'POST',
        headers: { ...AUTHORIZED, 'content-type': type },
        body: '{"kind":"event"}',
      });
      expect(response.status).toBe(415);
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    },
  );

  it('a refused publication left its topic behind', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'room/{name}' }] });
    const response = await fetch(`${server.url}/topics/room/a`, {
      method: 'PUT',
      headers: { ...AUTHORIZED, 'content-type': 'application/json', 'if-match': '"x:1"' },
      body: '1',
    });
    expect(response.status).toBe(412);
    expect(await topicsOf(server)).toEqual([]);
  });

  it('two writers of one version both got its validator', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'board' }], flush: 50 });
    const put = (value: number) =>
      fetch(`${server.url}/topics/board`, {
        method: 'PUT',
        headers: { ...AUTHORIZED, 'content-type': 'application/json' },
        body: String(value),
      });
    const [a, b] = await Promise.all([put(1), put(2)]);
    const held = await (await fetch(`${server.url}/topics/board`)).json();
    const tags = [a, b].map((response) => response!.headers.get('etag'));
    if (server.headwater.topic('board').version === 1) {
      expect(tags[held === 1 ? 0 : 1]).toMatch(/:1"$/);
      expect(tags[held === 1 ? 1 : 0]).toBe(null);
    }
  });

  it('a long-poll on an event topic without events did not wait', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'log', kind: 'event' }] });
    const first = await fetch(`${server.url}/topics/log`);
    const etag = first.headers.get('etag')!;
    expect([await first.json(), etag]).toEqual([[], expect.stringMatching(/:0"$/)]);
    const waiting = await fetch(`${server.url}/topics/log`, {
      headers: { 'if-none-match': etag, prefer: 'wait=1' },
    });
    expect(waiting.status).toBe(304);
  });

  it('HEAD of a stream never ended', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'board' }] });
    const { hostname, port } = new URL(server.url);
    const text = await new Promise<string>((resolve) => {
      let received = '';
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          'HEAD /sse?topic=board HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n',
        ),
      );
      socket.on('data', (data) => {
        received += data;
        if (received.includes('{"status":"ok"}')) {
          socket.destroy();
          resolve(received);
        }
      });
    });
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*text\/event-stream/);
  });

  it('a weak validator let a conditional write through', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'board' }] });
    const put = (headers: Record<string, string>) =>
      fetch(`${server.url}/topics/board`, {
        method: 'PUT',
        headers: { ...AUTHORIZED, 'content-type': 'application/json', ...headers },
        body: '1',
      });
    const etag = (await put({})).headers.get('etag')!;
    expect((await put({ 'if-match': `W/${etag}` })).status).toBe(412);
    expect((await put({ 'if-none-match': '"other:1"' })).status).toBe(200);
  });

  it('a name of any length came back twice as long', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'board' }] });
    const { inbox, say } = await openWebSocket(server.wsUrl);
    await inbox.next();
    say({ type: 'subscribe', id: 1, topic: 'x'.repeat(60_000) });
    const refusal = await inbox.next();
    expect(refusal).toMatchObject({ type: 'error', id: 1, code: 'bad_request' });
    expect(JSON.stringify(refusal).length).toBeLessThan(300);
  });

  it('a stream with a backlog was cut by a drain before its goodbye', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'board' }], drainTimeout: '30s' });
    server.headwater.topic('board').set('x'.repeat(12_000_000));
    const response = await fetch(`${server.url}/topics/board`, { headers: { accept: 'text/event-stream' } });
    await expect.poll(() => server.headwater.topic('board').version).toBe(1);
    const closing = server.headwater.close();
    const text = await response.text();
    await closing;
    expect(text.length).toBeGreaterThan(12_000_000);
    expect(text).toContain('"type":"drain"');
  });
});
