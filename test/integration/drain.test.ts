import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

describe.each(POLICIES)('a server that goes away on %s', (loop) => {
  const topics = [{ topic: 'board' }];

  it('finishes its flushes, tells every client when to come back, and closes with 1012', async () => {
    const server = await startServer({ loop, topics, drainTimeout: '30s' });
    const board = server.headwater.topic('board');
    board.set('first');
    const socket = await openWebSocket(server.wsUrl);
    socket.say({ type: 'subscribe', topic: 'board' });
    await socket.inbox.nextWhere((message) => message.type === 'value');
    const stream = await openEventStream(`${server.url}/topics/board`);
    await stream.inbox.next();
    const cursor = (await fetch(`${server.url}/topics/board`)).headers.get('etag')!;
    const waiting = fetch(`${server.url}/topics/board`, {
      headers: { 'if-none-match': cursor, prefer: 'wait=30' },
    });
    await expect
      .poll(
        async () =>
          ((await (await fetch(`${server.url}/topics`)).json()) as { subscribers: number }[])[0]!.subscribers,
      )
      .toBe(3);

    board.set('last words');
    await server.headwater.close();

    expect(await socket.inbox.next()).toMatchObject({ type: 'value', value: 'last words' });
    expect(await socket.inbox.next()).toEqual({ type: 'drain', reconnectAfter: expect.any(Number) });
    expect((await socket.closed).code).toBe(1012);
    expect((await stream.inbox.next()).message).toMatchObject({ value: 'last words' });
    expect((await stream.inbox.next()).message).toMatchObject({ type: 'drain' });
    await expect(stream.inbox.next()).rejects.toThrow('the stream ended');
    expect(stream.text()).toMatch(/retry: \d+\n\n$/);
    expect(await (await waiting).json()).toBe('last words');
  });

  it('refuses new work while it drains, and says so on /readyz', async () => {
    const server = await startServer({ loop, topics });
    const keptAlive = await fetch(`${server.url}/readyz`);
    expect([keptAlive.status, (await keptAlive.json()).status]).toEqual([200, 'ready']);
    await server.headwater.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    expect(() => server.headwater.topic('board').set(1)).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('does not wait longer than the drain time-out for a client that does not let go', async () => {
    const headwater = await createHeadwater({ loop, topics, http: { port: 0 }, drainTimeout: '200ms' });
    const { port } = headwater.listeners[0]!;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    socket.write(
      `GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
    );
    await expect.poll(() => socket.bytesRead).toBeGreaterThan(100);
    socket.pause();
    const ended = new Promise((resolve) => socket.on('close', resolve));
    await headwater.close();
    socket.resume();
    await ended;
  });

  it('lets an answer of many MB that is on its way arrive whole', async () => {
    const server = await startServer({ loop, topics, drainTimeout: '30s' });
    const text = 'x'.repeat(24 * 1024 * 1024);
    server.headwater.topic('board').set(text);
    await expect.poll(() => server.headwater.topic('board').version).toBe(1);
    const socket = connect(server.headwater.listeners[0]!.port, '127.0.0.1');
    let received = 0;
    socket.on('data', ({ length }) => {
      received += length;
      // Reads a little at first, and the rest once the server is on its way out.
      if (closing === undefined) {
        socket.pause();
        closing = server.headwater.close();
        setTimeout(() => socket.resume(), 100);
      }
    });
    let closing: Promise<void> | undefined;
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.write('GET /topics/board HTTP/1.1\r\nhost: x\r\n\r\n');
    await ended;
    await closing;
    expect(received).toBeGreaterThan(text.length);
  });

  it('may be closed twice, and while nothing ever happened', async () => {
    const headwater = await createHeadwater({ loop, http: { port: 0 } });
    await Promise.all([headwater.close(), headwater.close()]);
    await headwater.close();
  });

  it('leaves nothing running when its port is taken', async () => {
    const first = await startServer({ loop, topics });
    const { port } = first.headwater.listeners[0]!;
    await expect(createHeadwater({ loop, http: { port } })).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(String(port)),
    });
  });
});

describe.each(POLICIES)('a dead peer on %s', (loop) => {
  it('is dropped when it answered none of two heartbeats', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'board' }], heartbeat: '1s' });
    const dead = await openWebSocket(server.wsUrl, { autoPong: false });
    const alive = await openWebSocket(server.wsUrl);
    expect((await dead.closed).code).toBe(1006);
    alive.say({ type: 'ping', id: 1 });
    await alive.inbox.nextWhere((message) => message.type === 'pong');
  });
});
