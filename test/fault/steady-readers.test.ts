import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { frameOf, upgrade } from '../../loadtest/stress/clients/raw.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

const MEBI = 1024 * 1024;
/** A reader on a busy machine comes back seconds late, if need be. */
const SLOW_TIMEOUT = 3_000;
/** How often the reader pauses once its outbox is no longer above the mark: for twice the slow time-out in all. */
const PAUSES = 8;
const PAUSE = SLOW_TIMEOUT / 4;
/** What it takes between two pauses: the kernel tells of room only once there is much. */
const PART = 4 * MEBI;
const OUTBOX = PAUSES * PART;
/** More than an outbox and what the kernel keeps for both ends. */
const TEXT = 'x'.repeat(OUTBOX + 16 * MEBI);

/** Both begin to read `bulk`. */
const OPENINGS: Record<string, (socket: Socket) => Promise<void>> = {
  async WebSocket(socket) {
    await upgrade(socket);
    socket.pause();
    socket.write(frameOf(JSON.stringify({ type: 'subscribe', topic: 'bulk' })));
  },
  async 'event stream'(socket) {
    socket.pause();
    socket.write('GET /topics/bulk HTTP/1.1\r\nhost: h\r\naccept: text/event-stream\r\n\r\n');
  },
};

describe.each(POLICIES)('a reader that takes a part now and then on %s', (loop) => {
  it.each(Object.keys(OPENINGS))('gets all of a full outbox (%s)', async (transport) => {
    const server = await startServer({
      loop,
      topics: [{ topic: 'bulk' }],
      limits: { outboxBytes: OUTBOX, slowTimeout: SLOW_TIMEOUT },
      heartbeat: SLOW_TIMEOUT,
    });
    server.headwater.topic('bulk').set(TEXT);
    const socket = connect(server.headwater.listeners[0]!.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let read = 0;
    socket
      .on('error', () => {})
      .on('data', ({ length }) => {
        read += length;
      });
    await OPENINGS[transport]!(socket);
    await expect.poll(() => metric(server, 'congestions_total')).toBe(1);

    const take = async (bytes: number): Promise<void> => {
      const gone = new AbortController();
      socket.once('close', () => gone.abort(new Error(`cut after ${read} bytes`)));
      socket.resume();
      while (read < bytes) await once(socket, 'data', { signal: gone.signal });
      socket.pause();
    };
    for (let left = PAUSES; left > 0; left--) {
      await take(TEXT.length - left * PART);
      await sleep(PAUSE);
    }
    await take(TEXT.length);
    expect(await metric(server, 'drops_total')).toBe(0);
  });
});
