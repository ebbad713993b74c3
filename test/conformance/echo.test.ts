import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { serveEcho } from '../../server/edge/echo.js';
import { libuv } from '../../server/loop/libuv.js';
import type { LoopPolicy } from '../../server/loop/policy.js';
import { uws } from '../../server/loop/uws.js';
import { cleanUp, cleanup, closing, connectRaw, pattern } from './loop-client.js';

const MIB = 1024 * 1024;

/** As on a Node whose insides the fast path does not know. */
async function libuvWithoutInsides(): Promise<LoopPolicy> {
  vi.resetModules();
  const binding = vi.spyOn(process as unknown as { binding(): never }, 'binding').mockImplementation(() => {
    throw new Error('no such binding');
  });
  const loaded = await import('../../server/loop/libuv.js');
  expect(binding).toHaveBeenCalled();
  binding.mockRestore();
  return loaded.libuv();
}

describe.each<[string, () => LoopPolicy | Promise<LoopPolicy>]>([
  ['libuv', libuv],
  ['uws', uws],
  ['libuv without Node’s insides', libuvWithoutInsides],
])('TCP echo on %s', (_name, make) => {
  afterEach(cleanUp);
  const serve = async (): Promise<number> => {
    const defects: unknown[] = [];
    const listener = await serveEcho(await make(), {
      host: '127.0.0.1',
      port: 0,
      onDefect: (error) => void defects.push(error),
    });
    cleanup(() => expect(defects).toEqual([]));
    return closing(listener).port;
  };

  it.each([1, 10, 1024, 16 * 1024, 64 * 1024, 256 * 1024, 256 * 1024 + 1, 40 * MIB])(
    'brings %i bytes back, then closes after the half-close',
    async (size) => {
      const peer = await connectRaw(await serve());
      const sent = pattern(size, size);
      peer.socket.end(sent);
      expect((await peer.closed).equals(sent)).toBe(true);
    },
  );

  it('closes without a byte when none was sent', async () => {
    const peer = await connectRaw(await serve());
    peer.socket.end();
    expect((await peer.closed).length).toBe(0);
  });

  it('brings back any bytes in any chunks', async () => {
    const port = await serve();
    const chunks = fc.array(fc.uint8Array({ maxLength: 70_000, size: 'max' }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.boolean(), async (parts, waits) => {
        const peer = await connectRaw(port);
        for (const part of parts) {
          if (!peer.socket.write(part) || waits) await new Promise((resolve) => setImmediate(resolve));
        }
        peer.socket.end();
        expect((await peer.closed).equals(Buffer.concat(parts))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('answers request by request while both sides stay open', async () => {
    const peer = await connectRaw(await serve());
    let total = 0;
    for (const size of [1, 100_000, 3, 300_000, 16 * 1024, 7, 2 * MIB]) {
      const sent = pattern(size, total + 1);
      total += size;
      peer.send(sent);
      const all = await peer.until((received) => received.length >= total);
      expect(all.subarray(-size).equals(sent)).toBe(true);
    }
  });

  it('stops reading while its peer does not read, so that its memory is bounded by the kernel', async () => {
    const port = await serve();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    cleanup(() => socket.destroy());
    await once(socket, 'connect');
    socket.pause();
    const taken = await pushUntilStuck(socket);
    // The kernel's buffers of two sockets; the process adds one read buffer at most.
    expect(taken).toBeLessThan(64 * MIB);
    let received = 0;
    let wrong = 0;
    socket.on('data', (bytes) => {
      for (const byte of bytes) if (byte !== ((received++ >> 16) & 0xff)) wrong++;
    });
    socket.resume();
    socket.end();
    await once(socket, 'end');
    expect(received).toBe(socket.bytesWritten);
    expect(wrong).toBe(0);
  });

  it('survives peers that reset in the middle of a transfer', async () => {
    const port = await serve();
    for (let i = 0; i < 50; i++) {
      const peer = await connectRaw(port, { paused: i % 2 === 0 });
      peer.send(pattern(MIB));
      if (i % 3 !== 0) await new Promise((resolve) => setImmediate(resolve));
      peer.socket.resetAndDestroy();
    }
    const peer = await connectRaw(port);
    peer.socket.end('alive');
    expect((await peer.closed).toString()).toBe('alive');
  });

  it('serves 2,000 connections at once, each its own bytes', async () => {
    const port = await serve();
    const before = process.memoryUsage().arrayBuffers;
    const peers: Awaited<ReturnType<typeof connectRaw>>[] = [];
    while (peers.length < 2000) {
      peers.push(...(await Promise.all(Array.from({ length: 200 }, () => connectRaw(port)))));
    }
    for (const [i, peer] of peers.entries()) peer.send(pattern(2000, i + 1));
    await Promise.all(peers.map((peer) => peer.until((all) => all.length >= 2000)));
    for (const [i, peer] of peers.entries()) expect(peer.bytes().equals(pattern(2000, i + 1))).toBe(true);
    // 16 KiB a connection, with room for what the 2,000 clients in this process hold.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 * MIB);
    for (const peer of peers) peer.socket.end();
    await Promise.all(peers.map((peer) => peer.closed));
  });
});

/** Writes bytes that depend on their place until nothing has gone for a while; returns how many went. */
async function pushUntilStuck(socket: Socket): Promise<number> {
  let block = 0;
  const left = (): number => socket.bytesWritten - socket.writableLength;
  for (let quiet = 0; quiet < 20; ) {
    const before = left();
    while (socket.writableLength < MIB) socket.write(Buffer.alloc(65536, block++ & 0xff));
    await new Promise((resolve) => setTimeout(resolve, 5));
    quiet = left() === before ? quiet + 1 : 0;
    if (left() > 512 * MIB) break;
  }
  return left();
}
