import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { chunkOf, httpChunk, LAST_CHUNK } from './http-chunk.js';
import type { ResponseEvents } from './libuv-response-events.js';
import type { ResponseStream } from './policy.js';
import { type DirectWriter, directWriterOf, isMovable, moveConnection } from './tcp-handle.js';

/** What a client may say while it is streamed to. Nobody listens: its next request would wait for the end of this answer. */
const MAX_IGNORED_BYTES = 64 * 1024;

/** Takes note of the connection of a stream, when it begins and when it leaves `node:http`: it is the taker's to cut. */
export type Adopt = (socket: Socket) => void;

/**
 * Takes the connection of an answer that has begun away from `node:http`, whose request, response, parser and timers
 * are garbage then, and goes on writing chunks straight to its handle. The connection ends with the answer.
 * `undefined` where that cannot be: something waits to leave, an answer before this one is not complete, the request
 * itself is not, or the socket is not plain TCP.
 */
export function directStream(
  outgoing: ServerResponse,
  events: ResponseEvents,
  slowTimeout: number,
  adopt: Adopt,
): ResponseStream | undefined {
  const { socket, req, chunkedEncoding } = outgoing;
  if (!socket || outgoing.writableEnded || outgoing.writableLength > 0) return undefined;
  if (!req.complete || req.method === 'HEAD' || !isMovable(socket)) return undefined;
  events.moved = true;
  // For Node the answer is complete, without a last chunk: it would make an error, with its stack, of one that is cut off.
  outgoing.chunkedEncoding = false;
  outgoing.end();
  const moved = moveConnection(socket);
  adopt(moved);
  return new DirectStream(moved, chunkedEncoding, events, slowTimeout);
}

const streams = new WeakMap<Socket, DirectStream>();

function onData(this: Socket, bytes: Uint8Array): void {
  streams.get(this)?.ignored(bytes.length);
}
/** Who closes its side has left; a reset is an ordinary way to do so, and `close` follows. */
function onLeave(this: Socket): void {
  streams.get(this)?.cut();
}
function onClose(this: Socket): void {
  streams.get(this)?.closed();
}

/** One answer. A class, with listeners that all share: there may be tens of thousands, and most of them idle. */
class DirectStream implements ResponseStream {
  readonly #socket: Socket;
  readonly #writer: DirectWriter;
  /** HTTP/1.0 knows no chunks: the answer ends with its connection. */
  readonly #chunked: boolean;
  readonly #events: ResponseEvents;
  readonly #slowTimeout: number;
  #corks = 0;
  /** Bytes of the running cork. */
  #held: Uint8Array[] | undefined;
  /** It ended, or its connection did. Asking the socket would touch three more objects for each of many readers. */
  #over = false;
  #ignored = 0;

  constructor(socket: Socket, chunked: boolean, events: ResponseEvents, slowTimeout: number) {
    this.#socket = socket;
    this.#chunked = chunked;
    this.#events = events;
    this.#slowTimeout = slowTimeout;
    this.#writer = directWriterOf(socket, () => this.#drained())!;
    streams.set(socket, this);
    socket.on('data', onData).on('end', onLeave).on('error', onLeave).on('close', onClose);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over || bytes.length === 0) return true;
    if (this.#corks === 0) return this.#put(this.#chunked ? chunkOf(bytes) : [bytes]);
    this.#held ??= [];
    this.#held.push(bytes);
    return this.bufferedBytes === 0;
  }

  cork(work: () => void): void {
    this.#corks++;
    try {
      work();
    } finally {
      this.#corks--;
      if (this.#corks === 0) this.#release();
    }
  }

  get bufferedBytes(): number {
    if (this.#over) return 0;
    let bytes = this.#writer.bufferedBytes;
    if (this.#held) for (const { length } of this.#held) bytes += length;
    return bytes;
  }

  onDrain(drained: () => void): void {
    this.#events.drained = drained;
  }

  end(): void {
    if (this.#over) return;
    const held = this.#held;
    this.#held = undefined;
    const pieces = [...(held ? this.#pieces(held) : []), ...(this.#chunked ? [LAST_CHUNK] : [])];
    if (pieces.length > 0) this.#put(pieces);
    this.#over = true;
    // Nobody else waits for who does not take the last of it.
    if (this.#writer.bufferedBytes > 0) this.#cutIfStalled(this.#writer.bufferedBytes);
    this.#socket.destroySoon();
  }

  /** Looks again after the slow time-out, and as long as less is left each time. Node itself knows of no direct write. */
  #cutIfStalled(left: number): void {
    this.#socket.setTimeout(this.#slowTimeout, () => {
      const { bufferedBytes } = this.#writer;
      if (bufferedBytes < left) this.#cutIfStalled(bufferedBytes);
      else this.cut();
    });
  }

  destroy(): void {
    this.#events.aborted = undefined;
    this.cut();
  }

  cut(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  ignored(bytes: number): void {
    this.#ignored += bytes;
    if (this.#ignored > MAX_IGNORED_BYTES) this.cut();
  }

  closed(): void {
    this.#over = true;
    this.#events.close(this.#socket, this.#socket.writableFinished);
  }

  #pieces(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#chunked ? httpChunk(parts) : parts;
  }

  #put(pieces: readonly Uint8Array[]): boolean {
    return pieces.length === 1 ? this.#writer.write(pieces[0]!) : this.#writer.writeAll(pieces);
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held && !this.#over) this.#put(this.#pieces(held));
  }

  #drained(): void {
    if (!this.#over) this.#events.drain(this.#socket);
  }
}
