import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Listener, LoopPolicy } from '../../server/loop/policy.js';

/** What the suite may expect of a policy where the contract leaves it a choice. */
export interface LoopCapabilities {
  /** Sends 1002 and 1007, and 1009 whatever the size, before it closes; else it may cut at once. */
  readonly closesBrokenPeersPolitely: boolean;
}

export interface LoopUnderTest {
  readonly policy: LoopPolicy;
  readonly capabilities: LoopCapabilities;
}

export type MakeLoop = () => LoopUnderTest;

/** Cleanups of the running test, run in reverse by the suite's `afterEach`. */
const cleanups: (() => unknown)[] = [];

export function cleanup(work: () => unknown): void {
  cleanups.push(work);
}

export async function cleanUp(): Promise<void> {
  for (const work of cleanups.splice(0).reverse()) await work();
}

export function closing<T extends Listener>(listener: T): T {
  cleanup(() => listener.close());
  return listener;
}

/** A TCP peer that speaks raw bytes and remembers all it was sent. */
export interface RawPeer {
  readonly socket: Socket;
  send(data: string | Uint8Array): void;
  text(): string;
  bytes(): Buffer;
  /** Waits until what was received satisfies `enough`; fails if the connection closes before. */
  until(enough: (received: Buffer) => boolean): Promise<Buffer>;
  untilText(part: string | RegExp): Promise<string>;
  /** Everything received, once the connection is closed. */
  readonly closed: Promise<Buffer>;
}

export async function connectRaw(port: number, { tls = false, paused = false } = {}): Promise<RawPeer> {
  const socket = tls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
  cleanup(() => socket.destroy());
  await once(socket, tls ? 'secureConnect' : 'connect');
  return rawPeer(socket, paused);
}

function rawPeer(socket: Socket, paused: boolean): RawPeer {
  const chunks: Buffer[] = [];
  const bytes = (): Buffer => Buffer.concat(chunks);
  let wake = (): void => {};
  let gone = false;
  const closed = new Promise<Buffer>((resolve) => {
    socket.once('close', () => {
      gone = true;
      wake();
      resolve(bytes());
    });
  });
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    wake();
  });
  socket.on('end', () => socket.end());
  if (paused) socket.pause();

  const until: RawPeer['until'] = async (enough) => {
    while (!enough(bytes())) {
      if (gone) throw new Error(`closed after ${JSON.stringify(bytes().toString('latin1').slice(0, 2000))}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return bytes();
  };
  return {
    socket,
    send: (data) => void socket.write(data),
    text: () => bytes().toString(),
    bytes,
    until,
    untilText: async (part) =>
      (
        await until((all) =>
          typeof part === 'string' ? all.includes(part) : part.test(all.toString('latin1')),
        )
      ).toString(),
    closed,
  };
}

/** A promise and the function that fulfils it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

/** Waits, turn by turn, until a condition holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Reproducible bytes: each depends on its place, so that a hole, a doubling or a swap shows. */
export function pattern(length: number, seed = 1): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** The body of a chunked answer (RFC 9112 section 7.1), as far as it came. */
export function dechunkBytes(answer: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let at = answer.indexOf('\r\n\r\n') + 4;
  for (;;) {
    const line = answer.indexOf('\r\n', at);
    const length = Number.parseInt(answer.toString('latin1', at, line), 16);
    if (!(length > 0)) return Buffer.concat(chunks);
    chunks.push(answer.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
