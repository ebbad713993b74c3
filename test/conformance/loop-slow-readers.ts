import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { HttpHandlers, HttpResponse, ResponseStream } from '../../server/loop/policy.js';
import {
  closing,
  connectRaw,
  dechunkBytes,
  deferred,
  type MakeLoop,
  pattern,
  type RawPeer,
} from './loop-client.js';

const MEBI = 1024 * 1024;
/** More than the kernel keeps for a connection that is not read. */
const LARGE = pattern(16 * MEBI, 17);
const SLOW_TIMEOUT = 400;

/** How long a policy waits for readers that stop, or take little. */
export function slowReaderConformance(make: MakeLoop): void {
  describe('a reader that is slow', () => {
    const listen = async (slowTimeout: number, request: HttpHandlers['request']) =>
      closing(
        await make().policy.listenHttp(
          { host: '127.0.0.1', port: 0, maxMessageBytes: 1024, slowTimeout },
          { request, upgrade: (_request, upgrade) => upgrade.refuse(404, {}) },
        ),
      ).port;

    /** Asks for `/whole`, for `/ended` (a stream), or for any other stream, which goes on; reads nothing. */
    const serve = async () => {
      const ends = new Map<string, () => void>();
      const going = deferred<ResponseStream>();
      const port = await listen(SLOW_TIMEOUT, ({ path }, response) => {
        response.onDone(() => ends.get(path)?.());
        if (path === '/whole') return response.send(200, {}, LARGE);
        const stream = response.stream(200, {});
        stream.write(LARGE);
        if (path === '/ended') stream.end();
        else going.resolve(stream);
      });
      const ask = async (path: string): Promise<{ peer: RawPeer; over: Promise<void> }> => {
        const over = deferred();
        ends.set(path, over.resolve);
        const peer = await connectRaw(port, { paused: true });
        peer.send(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
        await expect.poll(() => peer.socket.readableLength).toBeGreaterThan(0);
        return { peer, over: over.promise };
      };
      return { ask, going: going.promise };
    };

    it.each(['/whole', '/ended'])('is cut if it takes nothing of an answer (%s)', async (path) => {
      const { ask } = await serve();
      const { peer, over } = await ask(path);
      await over;
      peer.socket.resume();
      expect((await peer.closed).length).toBeLessThan(LARGE.length);
    });

    it('is left to the writer of a stream that goes on', async () => {
      const { ask, going } = await serve();
      const { peer } = await ask('/going');
      const stream = await going;
      for (let other = 0; other < 2; other++) await (await ask('/whole')).over;
      expect(stream.bufferedBytes).toBeGreaterThan(0);
      peer.socket.resume();
      stream.end();
      expect(dechunkBytes(await peer.closed).equals(LARGE)).toBe(true);
    });

    it.each<[string, (response: HttpResponse, body: Uint8Array) => void]>([
      ['whole', (response, body) => response.send(200, {}, body)],
      [
        'a stream that ended at once',
        (response, body) => {
          const stream = response.stream(200, {});
          stream.write(body);
          stream.end();
        },
      ],
      [
        'a stream that lasted',
        async (response, body) => {
          const stream = response.stream(200, {});
          // On some platforms it is written to in another way once its first turn is over.
          stream.write(body.subarray(0, 1));
          await sleep(100);
          stream.write(body.subarray(1));
          stream.end();
        },
      ],
    ])('gets all of an answer of which it takes a part now and then (%s)', async (name, answer) => {
      // A reader on a busy machine comes back seconds late, if need be.
      const slowTimeout = 3000;
      const pauses = 10;
      const body = pattern(4 * pauses * MEBI, 19);
      const port = await listen(slowTimeout, (_request, response) => answer(response, body));
      const peer = await connectRaw(port, { paused: true });
      peer.send('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
      let read = 0;
      peer.socket.on('data', ({ length }) => {
        read += length;
      });
      peer.socket.pause();
      // As often as that in all, the slow time-out would have passed more than twice.
      for (let part = 1; part < pauses; part++) {
        await sleep(slowTimeout / 4);
        peer.socket.resume();
        while (read < part * 3 * MEBI) await once(peer.socket, 'data');
        peer.socket.pause();
      }
      peer.socket.resume();
      const all = await peer.closed;
      const content = name === 'whole' ? all.subarray(-body.length) : dechunkBytes(all);
      expect(content.equals(body)).toBe(true);
    });
  });
}
