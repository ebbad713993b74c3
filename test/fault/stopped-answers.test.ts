import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { startServer, type TestServer } from '../support/server.js';

const MEBI = 1024 * 1024;
const SECOND = 1_000;
/** Far more than the kernel takes for a connection that is not read. */
const TEXT = 'x'.repeat(16 * MEBI);

interface Reader {
  readonly socket: Socket;
  /** All that came, once the connection has ended. */
  readonly answer: Promise<string>;
}

/** Sends a request and reads nothing of the answer. */
function ask({ headwater }: TestServer, request: string): Reader {
  const socket = connect(headwater.listeners[0]!.port, '127.0.0.1', () => {
    socket.write(`GET ${request}\r\nhost: h\r\nconnection: close\r\n\r\n`);
  });
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('error', () => {}).on('data', (chunk) => chunks.push(chunk));
  socket.pause();
  const answer = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(Buffer.concat(chunks).toString()));
  });
  return { socket, answer };
}

/** Resolves when the loop has cut a client that sent nothing: its own patience has passed once, whatever it is. */
async function patienceOf({ headwater }: TestServer): Promise<void> {
  const silent = connect(headwater.listeners[0]!.port, '127.0.0.1');
  onTestFinished(() => void silent.destroy());
  silent.on('error', () => {}).resume();
  await once(silent, 'close');
}

async function cursorOf({ url }: TestServer, topic: string): Promise<string> {
  const { headers } = await fetch(`${url}/topics/${topic}`);
  return headers.get('etag')!.slice(1, -1);
}

it('waits longer for readers and for news than the loops do by themselves', {
  timeout: 300 * SECOND,
}, async () => {
  await Promise.all(
    POLICIES.map(async (loop) => {
      const server = await startServer({ loop, topics: [{ topic: 'bulk' }, { topic: 'quiet' }] });
      const bulk = server.headwater.topic('bulk');
      const quiet = server.headwater.topic('quiet');
      bulk.set('before');
      quiet.set('before');
      const since = await cursorOf(server, 'bulk');
      const polls = [
        ask(server, `/topics/bulk?since=${since}&wait=60 HTTP/1.1`),
        ask(server, `/topics/bulk HTTP/1.1\r\nif-none-match: "${since}"\r\nprefer: wait=60`),
      ];
      const waiting = ask(server, `/topics/quiet?since=${await cursorOf(server, 'quiet')}&wait=60 HTTP/1.1`);
      await expect.poll(() => metric(server, 'connections')).toBe(3);
      bulk.set(TEXT);
      const gets = Array.from({ length: 3 }, () => ask(server, '/topics/bulk HTTP/1.1'));
      const stream = ask(server, '/topics/bulk HTTP/1.1\r\naccept: text/event-stream');
      for (const { socket } of [...polls, ...gets, stream]) {
        await expect.poll(() => socket.readableLength).toBeGreaterThan(0);
      }

      await patienceOf(server);

      quiet.set('after');
      waiting.socket.resume();
      expect(await waiting.answer).toContain('"after"');
      for (const { socket, answer } of [...polls, ...gets]) {
        socket.resume();
        const [head, body] = (await answer).split('\r\n\r\n');
        expect(head).toMatch(/^HTTP\/1.1 200 /);
        expect(body).toContain(`${TEXT}"`);
      }
      let streamed = 0;
      stream.socket.on('data', ({ length }) => {
        streamed += length;
      });
      stream.socket.resume();
      await expect.poll(() => streamed).toBeGreaterThan(TEXT.length);
    }),
  );
});

it.each(POLICIES)(
  'waits for a reader no longer than slowTimeout on %s, so that a drain ends',
  async (loop) => {
    const server = await startServer({
      loop,
      topics: [{ topic: 'bulk' }],
      limits: { slowTimeout: '1s' },
      drainTimeout: '60s',
    });
    server.headwater.topic('bulk').set(TEXT);
    const { socket, answer } = ask(server, '/topics/bulk HTTP/1.1');
    await expect.poll(() => socket.readableLength).toBeGreaterThan(0);
    await server.headwater.close();
    socket.resume();
    expect((await answer).length).toBeLessThan(TEXT.length);
  },
);
