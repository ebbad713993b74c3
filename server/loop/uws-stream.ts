import { guarded } from './defect.js';
import type { ResponseStream } from './policy.js';
import type { UwsLife } from './uws-life.js';
import type { UwsResponse } from './uws-native.js';
import { keepWaiting, type WaitingAnswer, type WaitingAnswers } from './uws-waiting.js';

/** The most that is handed over at once, so that little is out of our sight when the kernel takes no more. */
const PIECE_BYTES = 64 * 1024;
/** What the kernel takes for a connection that is not read, at the least: the `tcp_wmem` that Linux begins with. */
const KERNEL_BYTES = 16 * 1024;

/**
 * A chunked answer. uWebSockets.js keeps what the kernel does not take, but never says how much that is or when it
 * is gone; it only says of a write whether all has left, and then that the socket is writable. So from the first
 * write that did not leave whole, chunks are queued here, one writable event taking as many as go. `bodiless`: to HEAD.
 */
export function uwsStream(
  res: UwsResponse,
  life: UwsLife,
  bodiless: boolean,
  waiting: WaitingAnswers,
): ResponseStream {
  return new UwsStream(res, life, bodiless, waiting);
}

/** A class, for there may be tens of thousands of them. */
class UwsStream implements ResponseStream, WaitingAnswer {
  readonly #res: UwsResponse;
  readonly #life: UwsLife;
  readonly #bodiless: boolean;
  readonly #waiting: WaitingAnswers;
  /** Chunks that wait; undefined while none do. */
  #queue: Uint8Array[] | undefined;
  #queued = 0;
  /** Handed over, and not known to have left. */
  #held = 0;
  #corks = 0;
  #ending = false;
  #drained: (() => void) | undefined;
  /**
   * What may be written before uWebSockets.js is told whom to call when the socket is writable: idle streams, of which
   * there may be many, never come to that. With nobody to call, its own writing of a rest begins the 10 s, and nothing ends them.
   */
  #unheard = KERNEL_BYTES;

  constructor(res: UwsResponse, life: UwsLife, bodiless: boolean, waiting: WaitingAnswers) {
    this.#res = res;
    this.#life = life;
    this.#bodiless = bodiless;
    this.#waiting = waiting;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#life.live || this.#ending || this.#bodiless || bytes.length === 0) return true;
    if (this.#held > 0) {
      this.#queue ??= [];
      this.#queue.push(bytes);
      this.#queued += bytes.length;
      return false;
    }
    if (this.#corks > 0) this.#push(bytes);
    else this.#res.cork(() => this.#push(bytes));
    return this.#held === 0;
  }

  cork(work: () => void): void {
    if (!this.#life.live || this.#corks > 0) work();
    else this.#corked(work);
  }

  #corked(work: () => void): void {
    corked(this.#res, () => {
      this.#corks++;
      try {
        work();
      } finally {
        this.#corks--;
      }
    });
  }

  get bufferedBytes(): number {
    return this.#held + this.#queued;
  }

  onDrain(drained: () => void): void {
    this.#drained = drained;
  }

  end(): void {
    if (!this.#life.live || this.#ending) return;
    this.#ending = true;
    // What is handed over after the end is cut, if it has to wait, after 10 s.
    if (this.#held > 0) this.#waiting.add(this);
    else this.#res.cork(() => this.#finish());
  }

  /** How long a reader may take nothing is the writer's to say, until it has ended the stream. */
  tick(stalled: boolean): void {
    if (stalled && this.#ending) this.#life.vanish();
    else keepWaiting(this.#res);
  }

  destroy(): void {
    this.#life.cut();
  }

  /** Hands pieces over until one does not leave whole; what remains of the chunk is queued first. */
  #push(chunk: Uint8Array): void {
    if (this.#unheard > 0) this.#listen(chunk.length);
    if (chunk.length <= PIECE_BYTES) {
      if (!this.#res.write(chunk)) this.#block(chunk.length);
      return;
    }
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      const piece = chunk.subarray(from, from + PIECE_BYTES);
      if (this.#res.write(piece)) continue;
      this.#block(piece.length);
      const rest = chunk.subarray(from + PIECE_BYTES);
      if (rest.length === 0) return;
      this.#queue = [rest, ...(this.#queue ?? [])];
      this.#queued += rest.length;
      return;
    }
  }

  #block(bytes: number): void {
    this.#held = bytes;
    this.#waiting.add(this);
    if (this.#unheard > 0) this.#listen(this.#unheard);
  }

  /** So many bytes more make it necessary, or not yet. */
  #listen(bytes: number): void {
    this.#unheard -= bytes;
    if (this.#unheard > 0) return;
    this.#life.onEnd = () => this.#forget();
    this.#res.onWritable(() => {
      if (this.#life.live) this.#writable();
      return true;
    });
  }

  #unblock(): void {
    this.#held = 0;
    this.#waiting.delete(this);
  }

  #forget(): void {
    this.#unblock();
    this.#queue = undefined;
    this.#queued = 0;
  }

  /** The socket is writable: there is room for what it held at least, as it is little. */
  #writable(): void {
    this.#res.cork(() => {});
    // What a cork could not send, nobody heard of.
    if (this.#held === 0) return;
    this.#unblock();
    this.#res.cork(() => {
      let taken = 0;
      const waiting = this.#queue ?? [];
      this.#queue = undefined;
      while (taken < waiting.length && this.#held === 0) {
        const chunk = waiting[taken++]!;
        this.#queued -= chunk.length;
        this.#push(chunk);
      }
      if (taken < waiting.length) this.#queue = [...(this.#queue ?? []), ...waiting.slice(taken)];
      if (this.#ending && this.#held === 0) this.#finish();
    });
    if (this.#life.live && !this.#ending && this.#held === 0) {
      guarded(
        () => this.#drained?.(),
        () => this.#life.cut(),
        this.#life.report,
        'stream drain',
      );
    }
  }

  #finish(): void {
    this.#life.end();
    if (this.#bodiless) this.#res.endWithoutBody();
    else this.#res.end();
  }
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
