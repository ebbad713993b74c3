import type { Outlet } from '../hub/connection.js';
import type { WireFormat } from '../hub/wire.js';
import type { ResponseStream } from '../loop/policy.js';

const COMMENT = Buffer.from(':\n\n');

/** The outlet of one event stream. What is written before it opens is kept and leaves first. */
export interface EventStreamOutlet extends Outlet {
  /** Begins the stream: `greeting`, what was written so far, `position`; from then on each write ends with `trailer`. */
  open(
    stream: ResponseStream,
    greeting: Uint8Array,
    position: Uint8Array | undefined,
    trailer: (() => Uint8Array) | undefined,
  ): void;
  /** Everything written has left. */
  drained(): void;
  /** The stream is over, or never began. Idempotent. */
  ended(): void;
}

/** `onEnd` is called once, however the stream ends. */
export function eventStreamOutlet(format: WireFormat, onEnd: () => void): EventStreamOutlet {
  let early: Uint8Array[] = [];
  let earlyBytes = 0;
  let stream: ResponseStream | undefined;
  let trailer: (() => Uint8Array) | undefined;
  let finishing = false;
  let over = false;

  function ended(): void {
    if (over) return;
    over = true;
    onEnd();
  }
  function finish(): void {
    stream?.end();
    ended();
  }

  return {
    transport: 'sse',
    format,
    answersBeats: false,
    ended,
    open(opened, greeting, position, eachTrailer) {
      stream = opened;
      trailer = eachTrailer;
      opened.cork(() => {
        for (const chunk of [greeting, ...early, ...(position ? [position] : [])]) opened.write(chunk);
      });
      early = [];
      earlyBytes = 0;
    },
    write(chunks) {
      const opened = stream;
      if (!opened) {
        early.push(...chunks);
        for (const { length } of chunks) earlyBytes += length;
        return;
      }
      opened.cork(() => {
        for (const chunk of chunks) opened.write(chunk);
        if (trailer) opened.write(trailer());
      });
    },
    get bufferedBytes() {
      return stream ? stream.bufferedBytes : earlyBytes;
    },
    beat: () => void stream?.write(COMMENT),
    drained() {
      if (finishing) finish();
    },
    finish(reconnectAfter) {
      stream?.write(Buffer.from(`retry: ${reconnectAfter}\n\n`));
      finishing = true;
      // Whoever still reads gets all of it; who does not is cut when the server has waited long enough.
      if ((stream?.bufferedBytes ?? 0) === 0) finish();
    },
    drop() {
      stream?.destroy();
      ended();
    },
  };
}
