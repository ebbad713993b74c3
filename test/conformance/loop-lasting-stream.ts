import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { HttpListenOptions, ResponseStream } from '../../server/loop/policy.js';
import {
  closing,
  connectRaw,
  dechunkBytes,
  deferred,
  type MakeLoop,
  pattern,
  type RawPeer,
} from './loop-client.js';

const GET = 'GET /stream HTTP/1.1\r\nHost: h\r\n\r\n';
const LAST_CHUNK = '\r\n0\r\n\r\n';
const PEM = {
  cert: fileURLToPath(new URL('./loop-tls/cert.pem', import.meta.url)),
  key: fileURLToPath(new URL('./loop-tls/key.pem', import.meta.url)),
};

/** Streams that go on after the turn of the event loop in which they began, as live ones do. */
export function lastingStreamConformance(make: MakeLoop): void {
  describe('streams that last', () => {
    const serve = async (
      options: Partial<HttpListenOptions> = {},
      first: Uint8Array = Buffer.from('first;'),
    ) => {
      const requests: string[] = [];
      const told: string[] = [];
      const opened = deferred<ResponseStream>();
      const aborted = deferred();
      const done = deferred();
      const { port } = closing(
        await make().policy.listenHttp(
          { host: '127.0.0.1', port: 0, maxMessageBytes: 1024, ...options },
          {
            request(request, response) {
              requests.push(request.path);
              if (request.path !== '/stream') return response.send(200, {}, 'short');
              response.onAbort(() => {
                told.push('abort');
                aborted.resolve();
              });
              response.onDone(() => {
                told.push('done');
                done.resolve();
              });
              const stream = response.stream(200, {});
              stream.write(first);
              setImmediate(() => opened.resolve(stream));
            },
            upgrade: (_request, upgrade) => upgrade.refuse(404, {}),
          },
        ),
      );
      return { port, requests, told, stream: opened.promise, aborted: aborted.promise, done: done.promise };
    };

    it('send all that is written, corked or not, and their end', async () => {
      const { port, stream, done, told } = await serve();
      const peer = await connectRaw(port);
      peer.send(GET);
      const opened = await stream;
      opened.write(Buffer.from('second;'));
      opened.write(new Uint8Array(0));
      opened.cork(() => {
        opened.write(Buffer.from('third;'));
        opened.cork(() => opened.write(Buffer.from('fourth;')));
      });
      opened.end();
      opened.end();
      opened.write(Buffer.from('too late'));
      await peer.untilText(LAST_CHUNK);
      await done;
      expect(bodyOf(peer)).toBe('first;second;third;fourth;');
      expect(told).toEqual(['done']);
    });

    it('end under a cork, after all that was written there', async () => {
      const { port, stream, done, told } = await serve();
      const peer = await connectRaw(port);
      peer.send(GET);
      const opened = await stream;
      opened.cork(() => {
        opened.write(Buffer.from('second;'));
        opened.write(Buffer.from('last;'));
        opened.end();
        opened.write(Buffer.from('too late'));
      });
      await peer.untilText(LAST_CHUNK);
      await done;
      expect(bodyOf(peer)).toBe('first;second;last;');
      expect(told).toEqual(['done']);
    });

    it('send the same memory to many readers, to each whole', async () => {
      const shared = [pattern(1000, 3), pattern(200_000, 5), pattern(10, 7)];
      const streams: ResponseStream[] = [];
      const { port } = closing(
        await make().policy.listenHttp(
          { host: '127.0.0.1', port: 0, maxMessageBytes: 1024 },
          {
            request: (_request, response) => void streams.push(response.stream(200, {})),
            upgrade: (_request, upgrade) => upgrade.refuse(404, {}),
          },
        ),
      );
      const bodies = Array.from({ length: 5 }, async () => {
        const response = await fetch(`http://127.0.0.1:${port}/`);
        return Buffer.from(await response.arrayBuffer());
      });
      while (streams.length < bodies.length) await new Promise(setImmediate);
      await new Promise(setImmediate);
      for (const bytes of shared) for (const stream of streams) stream.write(bytes);
      for (const stream of streams) stream.end();
      for (const body of await Promise.all(bodies)) expect(body.equals(Buffer.concat(shared))).toBe(true);
    });

    it('keep the order when the first write has to wait for its reader', async () => {
      const large = pattern(8 * 1024 * 1024, 9);
      const { port, stream, done } = await serve({}, large);
      const peer = await connectRaw(port, { paused: true });
      peer.send(GET);
      const opened = await stream;
      expect(opened.write(Buffer.from('after'))).toBe(false);
      opened.end();
      peer.socket.resume();
      const all = await peer.until((bytes) => bytes.subarray(-LAST_CHUNK.length).toString() === LAST_CHUNK);
      await done;
      expect(dechunkBytes(all).equals(Buffer.concat([large, Buffer.from('after')]))).toBe(true);
    });

    it('tell once when the client leaves', async () => {
      const { port, stream, aborted, done, told } = await serve();
      const peer = await connectRaw(port);
      peer.send(GET);
      const opened = await stream;
      peer.socket.destroy();
      await Promise.all([aborted, done]);
      expect(opened.write(Buffer.from('x'))).toBe(true);
      opened.end();
      opened.destroy();
      expect(opened.bufferedBytes).toBe(0);
      expect(told.toSorted()).toEqual(['abort', 'done']);
    });

    it('tell when the client resets the connection', async () => {
      const { port, stream, aborted } = await serve();
      const peer = await connectRaw(port);
      peer.send(GET);
      await stream;
      peer.socket.resetAndDestroy();
      await aborted;
    });

    it('are cut by destroy, which tells no abort', async () => {
      const { port, stream, done, told } = await serve();
      const peer = await connectRaw(port);
      peer.send(GET);
      (await stream).destroy();
      await Promise.all([peer.closed, done]);
      expect(told).toEqual(['done']);
    });

    it('are counted as connections until they end', async () => {
      const { port, stream, done } = await serve({ maxConnections: 1 });
      const peer = await connectRaw(port);
      peer.send(GET);
      const opened = await stream;
      expect((await (await connectRaw(port)).closed).length).toBe(0);
      opened.destroy();
      await Promise.all([peer.closed, done]);
      const next = await connectRaw(port);
      next.send(GET.replace('/stream', '/'));
      await next.untilText('short');
    });

    it('work over TLS', async () => {
      const { port, stream, done } = await serve({ tls: PEM });
      const peer = await connectRaw(port, { tls: true });
      peer.send(GET);
      const opened = await stream;
      opened.write(Buffer.from('second;'));
      opened.end();
      await peer.untilText(LAST_CHUNK);
      await done;
      expect(bodyOf(peer)).toBe('first;second;');
    });
  });
}

const bodyOf = (peer: RawPeer): string => dechunkBytes(peer.bytes()).toString();
