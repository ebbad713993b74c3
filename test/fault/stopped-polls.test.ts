import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

const POLLS = 40;
const MEBI = 1024 * 1024;
/** Far more than the kernel takes for a connection that is not read. */
const TEXT = 'x'.repeat(8 * MEBI);

interface Poll {
  socket: Socket;
  /** All that came, once the connection has ended. */
  answer: Promise<string>;
}

describe.each(POLICIES)('long-polls that do not read their answer on %s', (loop) => {
  function poll(port: number, request: string): Poll {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET /topics/bulk${request}\r\nhost: h\r\nconnection: close\r\n\r\n`);
    });
    socket.on('error', () => {}).pause();
    onTestFinished(() => void socket.destroy());
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.pause();
    const answer = new Promise<string>((resolve) => {
      socket.once('close', () => resolve(Buffer.concat(chunks).toString()));
    });
    return { socket, answer };
  }

  it.each([
    ['?since=', (cursor: string) => `?since=${cursor}&wait=30 HTTP/1.1`],
    ['Prefer', (cursor: string) => ` HTTP/1.1\r\nif-none-match: "${cursor}"\r\nprefer: wait=30`],
  ])('cost no copy of it each, and get all of it when they do (%s)', async (_, ask) => {
    const server = await startServer({ loop, topics: [{ topic: 'bulk' }] });
    const bulk = server.headwater.topic('bulk');
    bulk.set('before');
    const { headers } = await fetch(`${server.url}/topics/bulk`);
    const cursor = headers.get('etag')!.slice(1, -1);
    const { port } = server.headwater.listeners[0]!;
    const polls = Array.from({ length: POLLS }, () => poll(port, ask(cursor)));
    await expect.poll(() => metric(server, 'connections')).toBe(POLLS);
    bulk.set(TEXT);
    const before = process.memoryUsage().rss;
    await expect.poll(() => metric(server, 'connections')).toBe(0);
    const grown = process.memoryUsage().rss - before;
    expect(grown).toBeLessThan((POLLS * TEXT.length) / 4);
    for (const { socket } of polls) socket.resume();
    for (const { answer } of polls) {
      const [head, body] = (await answer).split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1.1 200 /);
      expect(body!.length).toBeGreaterThan(TEXT.length);
      expect(body).toContain(TEXT);
    }
  });
});
