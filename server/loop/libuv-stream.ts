import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Adopt, directStream } from './libuv-direct-stream.js';
import type { ResponseEvents } from './libuv-response-events.js';
import type { ResponseStream } from './policy.js';

/**
 * The rest of an answer whose head was written. It goes through Node's response for the turn it begins in, and past it
 * if it is not over by then and `adopt` is given: one that ends at once leaves its connection to the next request.
 */
export function libuvStream(
  outgoing: ServerResponse,
  socket: Socket,
  events: ResponseEvents,
  adopt: Adopt | undefined,
): ResponseStream {
  const ordinary = nodeStream(outgoing, socket, events);
  if (!adopt) return ordinary;
  const stream = new ReplaceableStream(ordinary);
  process.nextTick(() => {
    stream.inner = directStream(outgoing, events, adopt) ?? ordinary;
  });
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

function nodeStream(outgoing: ServerResponse, socket: Socket, events: ResponseEvents): ResponseStream {
  const bodiless = outgoing.req.method === 'HEAD';
  let waiting = false;
  const buffered = (): number => outgoing.writableLength;
  const dead = (): boolean => outgoing.writableEnded || outgoing.destroyed || socket.destroyed;
  // Asked of the response, not of the socket, which is empty while an answer before this one keeps it waiting.
  const written = (): void => {
    if (!waiting || dead() || buffered() > 0) return;
    waiting = false;
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
    write(bytes) {
      if (dead() || bodiless) return true;
      cork(() => outgoing.write(bytes, written));
      return !waiting;
    },
    cork,
    get bufferedBytes() {
      return dead() ? 0 : buffered();
    },
    onDrain(callback) {
      events.drained = callback;
    },
    end() {
      if (!dead()) outgoing.end();
    },
    destroy() {
      events.aborted = undefined;
      socket.destroy();
    },
  };
}
