import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEventStream, openWebSocket, type WebSocketClient } from '../support/clients.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { startServer, type TestServer } from '../support/server.js';

const FLOOD = 5_000;
const MEBI = 1024 * 1024;

describe.each(POLICIES)('a client that floods %s', (loop) => {
  /** Starts a server with witnesses, and shows afterwards that they missed nothing and that the flooder is gone. */
  async function withWitness(attack: (server: TestServer) => Promise<void>, more = {}): Promise<void> {
    const topics = [{ topic: 'board' }, { topic: 'large' }];
    const server = await startServer({ loop, topics, ...more });
    const board = server.headwater.topic('board');
    board.set(0);
    const witness = await openWebSocket(server.wsUrl);
    const stream = await openEventStream(`${server.url}/topics/board`);
    witness.say({ type: 'subscribe', topic: 'board', mode: 'value' });
    await witness.inbox.nextWhere(({ type }) => type === 'value');
    await stream.inbox.next();
    const attacked = attack(server);
    for (let n = 1; n <= 20; n++) {
      board.set(n);
      expect(await witness.inbox.next()).toMatchObject({ value: n });
      expect((await stream.inbox.next()).message).toMatchObject({ value: n });
    }
    await attacked;
    await expect.poll(() => metric(server, 'connections')).toBe(2);
  }

  const floods: Record<string, (client: WebSocketClient, n: number) => void> = {
    pings: ({ socket }) => socket.ping('x'.repeat(125)),
    'pongs that nobody asked for': ({ socket }) => socket.pong('x'.repeat(125)),
    messages: ({ say }, n) => say({ type: 'ping', id: n }),
    'subscribing and unsubscribing': ({ say }, n) =>
      say({ type: n % 2 === 0 ? 'subscribe' : 'unsubscribe', topic: 'large' }),
  };

  describe.each(Object.keys(floods))('with %s', (what) => {
    it('is told so and closed with 1008', async () => {
      await withWitness(async (server) => {
        server.headwater.topic('large').set('x'.repeat(10_000));
        const client = await openWebSocket(server.wsUrl);
        for (let n = 0; n < FLOOD; n++) floods[what]!(client, n);
        expect(await client.closed).toEqual({ code: 1008, reason: 'messagesPerSecond' });
        expect(client.inbox.all.at(-1)).toMatchObject({
          type: 'error',
          code: 'limit',
          message: expect.stringContaining('limits.messagesPerSecond'),
        });
        expect(await metric(server, 'limit_hits_total{limit="messagesPerSecond"}')).toBeGreaterThan(0);
      });
    });

    it('is cut even if it reads nothing', async () => {
      await withWitness(async (server) => {
        server.headwater.topic('large').set('x'.repeat(100_000));
        const client = await openWebSocket(server.wsUrl);
        client.socket.pause();
        for (let n = 0; n < FLOOD; n++) floods[what]!(client, n);
        await expect
          .poll(() => metric(server, 'limit_hits_total{limit="messagesPerSecond"}'))
          .toBeGreaterThan(0);
      });
    });
  });

  it('with fragments of one byte that never make a message is closed', async () => {
    await withWitness(
      async (server) => {
        const { socket, closed } = await openWebSocket(server.wsUrl);
        for (let n = 0; n < 4 * FLOOD; n++) socket.send('x', { fin: false });
        expect([1006, 1008, 1009]).toContain((await closed).code);
      },
      { limits: { messageBytes: 256 } },
    );
  });

  it('with requests whose answers it does not read costs a bounded amount of memory', async () => {
    await withWitness(async (server) => {
      server.headwater.topic('large').set('x'.repeat(MEBI));
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname).on('error', () => {});
      onTestFinished(() => void socket.destroy());
      await once(socket, 'connect');
      socket.pause();
      const before = process.memoryUsage().rss;
      for (let n = 0; n < 300; n++) socket.write('GET /topics/large HTTP/1.1\r\nhost: h\r\n\r\n');
      // The witnesses' turns are over when the server has had its time to read them all.
      for (let n = 0; n < 50; n++) await fetch(`${server.url}/healthz`);
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * MEBI);
      socket.destroy();
    });
  });
});
