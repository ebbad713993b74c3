import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Adopt, directStream } from './libuv-direct-stream.js';
import type { ResponseEvents } from './libuv-response-events.js';
import { cutIfStalled } from './libuv-stall.js';
import type { ResponseStream } from './policy.js';
import { unsentBytes } from './tcp-handle.js';

/**
 * The rest of an answer whose head was written. It goes through Node's response for the turn it begins in, and past it
 * if it is not over by then and `adopt` is given: one that ends at once leaves its connection to the next request. Where
 * something waits to leave then, it is tried again when that is gone.
 */
export function libuvStream(
  outgoing: ServerResponse,
  socket: Socket,
  events: ResponseEvents,
  slowTimeout: number,
  adopt: Adopt | undefined,
): ResponseStream {
  const ordinary = nodeStream(outgoing, socket, events, slowTimeout, () => leaveLater());
  const stream = new ReplaceableStream(ordinary);
  const leave = (): void => {
    if (!adopt || !ordinary.begun || stream.inner !== ordinary) return;
    stream.inner = directStream(outgoing, events, slowTimeout, adopt) ?? ordinary;
  };
  // By then Node has done with what was written; in the next tick it would make errors of it.
  const leaveLater = (): void => {
    if (adopt) setImmediate(leave);
  };
  leaveLater();
  return stream;
}

/** Holds nothing of the stream it had before. */
class ReplaceableStream implements ResponseStream {
  inner: ResponseStream;

  constructor(inner: ResponseStream) {
    this.inner = inner;
  }

  write(bytes: Uint8Array): boolean {
    return this.inner.write(bytes);
  }

  cork(work: () => void): void {
    this.inner.cork(work);
  }

  get bufferedBytes(): number {
    return this.inner.bufferedBytes;
  }

  onDrain(drained: () => void): void {
    this.inner.onDrain(drained);
  }

  end(): void {
    this.inner.end();
  }

  destroy(): void {
    this.inner.destroy();
  }
}

interface NodeStream extends ResponseStream {
  /** Something was written, and the head before it. */
  readonly begun: boolean;
}

function nodeStream(
  outgoing: ServerResponse,
  socket: Socket,
  events: ResponseEvents,
  slowTimeout: number,
  emptied: () => void,
): NodeStream {
  const bodiless = outgoing.req.method === 'HEAD';
  let begun = false;
  let waiting = false;
  const buffered = (): number => outgoing.writableLength;
  const dead = (): boolean => outgoing.writableEnded || outgoing.destroyed || socket.destroyed;
  // Asked of the response, not of the socket, which is empty while an answer before this one keeps it waiting.
  const written = (): void => {
    if (!waiting || dead() || buffered() > 0) return;
    waiting = false;
    emptied();
    events.drain(socket);
  };
  const cork = (work: () => void): void => {
    // Our own cork keeps Node from corking until the next tick, so that what could leave has left on return.
    socket.cork();
    try {
      work();
    } finally {
      socket.uncork();
      waiting = buffered() > 0;
    }
  };

  return {
    get begun() {
      return begun;
    },
    write(bytes) {
      if (dead() || bodiless) return true;
      begun = true;
      cork(() => outgoing.write(bytes, written));
      return !waiting;
    },
    cork,
    get bufferedBytes() {
      if (dead()) return 0;
      // While an answer before this one keeps it waiting, what the socket has is not of this one.
      return outgoing.socket ? buffered() - socket.writableLength + unsentBytes(socket) : buffered();
    },
    onDrain(callback) {
      events.drained = callback;
    },
    end() {
      if (dead()) return;
      outgoing.end();
      cutIfStalled(socket, slowTimeout);
    },
    destroy() {
      events.aborted = undefined;
      socket.destroy();
    },
  };
}
