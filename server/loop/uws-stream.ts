import { guarded } from './defect.js';
import type { DefectReporter, ResponseStream } from './policy.js';
import type { UwsResponse } from './uws-native.js';
import type { UwsLife } from './uws-response.js';

/** The most that is handed over at once, so that little is out of our sight when the kernel takes no more. */
const PIECE_BYTES = 64 * 1024;
/** uWebSockets.js cuts a response that took nothing for 10 s; every try to write begins those anew. */
const RETRY_MS = 4000;

/**
 * A chunked answer. uWebSockets.js keeps what the kernel does not take, but never says how much that is or when it
 * is gone; it only says of a write whether all has left, and then that the socket is writable. So from the first
 * write that did not leave whole, chunks are queued here, one writable event taking as many as go.
 */
export function uwsStream(
  res: UwsResponse,
  life: UwsLife,
  parts: { bodiless: boolean; cut: () => void; end: () => void; report: DefectReporter },
): ResponseStream {
  const queue: Uint8Array[] = [];
  let queued = 0;
  /** Handed over, and not known to have left. */
  let held = 0;
  let ending = false;
  let drained: (() => void) | undefined;
  let retry: NodeJS.Timeout | undefined;

  const flush = (): void => void res.cork(() => {});
  const block = (bytes: number): void => {
    held = bytes;
    retry ??= setInterval(flush, RETRY_MS);
  };
  const unblock = (): void => {
    held = 0;
    clearInterval(retry);
    retry = undefined;
  };
  /** Hands pieces over until one does not leave whole; what remains of the chunk is given back. */
  const push = (chunk: Uint8Array): Uint8Array | undefined => {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      const piece = chunk.length <= PIECE_BYTES ? chunk : chunk.subarray(from, from + PIECE_BYTES);
      if (!res.write(piece)) {
        block(piece.length);
        return from + PIECE_BYTES < chunk.length ? chunk.subarray(from + PIECE_BYTES) : undefined;
      }
    }
    return undefined;
  };
  const finish = (): void => {
    parts.end();
    if (parts.bodiless) res.endWithoutBody();
    else res.end();
  };

  /** The socket is writable: there is room for what it held at least, as it is little. */
  const writable = (): void => {
    unblock();
    flush();
    res.cork(() => {
      let taken = 0;
      while (taken < queue.length && held === 0) {
        const chunk = queue[taken]!;
        queued -= chunk.length;
        const rest = push(chunk);
        if (rest) {
          queue[taken] = rest;
          queued += rest.length;
        } else {
          taken++;
        }
      }
      queue.splice(0, taken);
      if (ending && queue.length === 0) finish();
    });
    if (life.live && !ending && held === 0) {
      guarded(() => drained?.(), parts.cut, parts.report, 'stream drain');
    }
  };

  if (life.live) {
    life.onEnd = () => {
      unblock();
      queue.length = 0;
      queued = 0;
    };
    res.onWritable(() => {
      if (life.live) writable();
      return true;
    });
  }

  return {
    write(bytes) {
      if (!life.live || ending || parts.bodiless || bytes.length === 0) return true;
      if (held > 0) {
        queue.push(bytes);
        queued += bytes.length;
        return false;
      }
      res.cork(() => {
        const rest = push(bytes);
        if (!rest) return;
        queue.push(rest);
        queued += rest.length;
      });
      return held === 0;
    },
    cork(work) {
      if (life.live) corked(res, work);
      else work();
    },
    get bufferedBytes() {
      return held + queued;
    },
    onDrain(callback) {
      drained = callback;
    },
    end() {
      if (!life.live || ending) return;
      ending = true;
      if (queue.length === 0) res.cork(finish);
    },
    destroy: parts.cut,
  };
}

/** An error must not cross the native frames between here and `work`. */
export function corked(socket: { cork(work: () => void): unknown }, work: () => void): void {
  let failure: { error: unknown } | undefined;
  socket.cork(() => {
    try {
      work();
    } catch (error) {
      failure = { error };
    }
  });
  if (failure) throw failure.error;
}
