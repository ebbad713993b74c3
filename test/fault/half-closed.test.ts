import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openWebSocket } from '../support/clients.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

const HANDSHAKE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
/** Far longer than the test takes. */
const WAIT = 50;

describe.each(POLICIES)('a client that shuts its write side on %s', (loop) => {
  it.each<[string, (cursor: string) => string]>([
    ['an event stream', () => 'GET /topics/board HTTP/1.1\r\nAccept: text/event-stream\r\n'],
    ['an event stream of several topics', () => 'GET /sse?topic=board&topic=other HTTP/1.1\r\n'],
    ['a long-poll', (cursor) => `GET /topics/board?since=${cursor}&wait=${WAIT} HTTP/1.1\r\n`],
    [
      'a long-poll by header',
      (cursor) => `GET /topics/board HTTP/1.1\r\nIf-None-Match: "${cursor}"\r\nPrefer: wait=${WAIT}\r\n`,
    ],
    ['a WebSocket', () => `GET /ws HTTP/1.1\r\n${HANDSHAKE}`],
  ])('of %s has left: the server closes, and its place is free', async (_, request) => {
    const server = await startServer({
      loop,
      topics: [{ topic: 'board' }, { topic: 'other' }],
      limits: { connectionsPerAddress: 1 },
    });
    server.headwater.topic('board').set(1);
    const { headers } = await fetch(`${server.url}/topics/board`);
    const cursor = headers.get('etag')!.slice(1, -1);
    const socket = connect({
      port: server.headwater.listeners[0]!.port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {}).resume();
    const ended = once(socket, 'end');
    socket.write(`${request(cursor)}Host: h\r\n\r\n`);
    await expect.poll(() => metric(server, 'connections')).toBe(1);
    await expect(openWebSocket(server.wsUrl)).rejects.toThrow('429');
    socket.end();
    await ended;
    await expect.poll(() => metric(server, 'connections')).toBe(0);
    await openWebSocket(server.wsUrl);
  });
});
