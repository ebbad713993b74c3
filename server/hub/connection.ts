import type { HubStats } from './stats.js';
import { Subscriptions } from './subscriptions.js';
import type { WireFormat } from './wire.js';

/** An edge's side of a connection: where bytes leave. */
export interface Outlet {
  /** How the reader is connected. */
  readonly transport: 'websocket' | 'sse';
  readonly format: WireFormat;
  /**
   * Puts all chunks on the wire, in one system call where the platform can. True: all has left, and `bufferedBytes` is
   * 0, which then nobody needs to ask.
   */
  write(chunks: readonly Uint8Array[]): boolean;
  /** Bytes written that the kernel has not taken. The edge calls `connection.drained()` when they are gone. */
  readonly bufferedBytes: number;
  /** Shows the peer a sign of life; where the wire allows, asks for one. */
  beat(): void;
  /** Whether the peer answers a beat, which then sets `connection.heard`. */
  readonly answersBeats: boolean;
  /**
   * Writes the last chunks and closes after them, in one system call where the platform can. `reconnectAfter`:
   * milliseconds until the peer should come back.
   */
  finish(last: readonly Uint8Array[], reconnectAfter: number): void;
  /** Cuts the connection now; the edge then calls `connection.close()` as for any other end. */
  drop(): void;
}

/**
 * The outbox of one reader. What a flush has for it is queued and leaves in one write. While more than the
 * high-water mark waits in the kernel's queue or ours, nothing more is queued: topics fall behind and are caught
 * up from the store when the connection drains, so a slow reader costs a bounded amount of memory.
 * It is told the time by `clock.elapsed`, which nobody sets, once for all it then does.
 */
export class Connection {
  // Memory is laid out in this order: what every delivery touches comes first, on as few lines of the cache as it takes.
  closed = false;
  /** It was full and is not empty yet: since when nothing left it, by `clock.elapsed`; `undefined` while there is room. */
  congestedAtElapsed: number | undefined;
  #queued = 0;
  readonly #highWater: number;
  /** A subscription is behind. */
  lagging = false;
  readonly outlet: Outlet;
  /** Bytes that the kernel had not taken when they were last counted: after each write, and at least every second. */
  buffered = 0;
  /** The last sign of life, by `clock.elapsed`: something came or, where the peer never says anything, was taken. */
  lastSignAtElapsed: number;
  readonly #stats: HubStats;
  /** Undefined while there is nothing, as mostly: an empty one costs memory too. */
  #queue: Uint8Array[] | undefined;
  readonly subscriptions = new Subscriptions();
  /** When the next sign of life is due, by `clock.elapsed`; 0 until that was planned. */
  nextBeatAtElapsed = 0;
  /** Something came from the peer since the last beat. */
  heard = true;

  constructor(outlet: Outlet, highWater: number, stats: HubStats, elapsed: number) {
    this.outlet = outlet;
    this.lastSignAtElapsed = elapsed;
    this.#highWater = highWater;
    this.#stats = stats;
  }

  /** Whether one more message may be queued. One message of any size may always follow an empty queue. */
  get room(): boolean {
    return this.congestedAtElapsed === undefined && this.#queued <= this.#highWater;
  }

  /** Queues bytes for the next `send`; true if they are the first. */
  queue(bytes: Uint8Array): boolean {
    this.#queued += bytes.length;
    this.#queue ??= [];
    return this.#queue.push(bytes) === 1;
  }

  /** Writes one message past the queue, which is empty. */
  sendAlone(message: readonly [Uint8Array], elapsed: number): void {
    if (!this.closed) this.#write(message, elapsed);
  }

  /** Writes what is queued. */
  send(elapsed: number): void {
    if (!this.#queue || this.closed) return;
    this.#write(this.#takeQueue(), elapsed);
  }

  /** Writes what is queued, as the last of all. */
  finish(reconnectAfter: number): void {
    if (this.closed) return;
    this.outlet.finish(this.#takeQueue(), reconnectAfter);
  }

  #takeQueue(): readonly Uint8Array[] {
    const queue = this.#queue ?? [];
    this.#queue = undefined;
    this.#queued = 0;
    return queue;
  }

  /** True if the reader has caught up enough to be sent more. */
  hasDrained(elapsed: number): boolean {
    if (this.closed || this.outlet.bufferedBytes > this.#highWater / 2) return false;
    this.congestedAtElapsed = undefined;
    this.noteTaken(elapsed);
    return true;
  }

  /** Something came from the peer. */
  hear(elapsed: number): void {
    this.heard = true;
    this.lastSignAtElapsed = elapsed;
  }

  /** Where the peer answers nothing, that all left for it is the only sign there is. */
  noteTaken(elapsed: number, bufferedBytes = this.outlet.bufferedBytes): void {
    if (!this.outlet.answersBeats && bufferedBytes === 0) this.lastSignAtElapsed = elapsed;
  }

  #write(chunks: readonly Uint8Array[], elapsed: number): void {
    // What is added would hide what was taken since the last look.
    if (this.congestedAtElapsed !== undefined) this.measure(elapsed);
    if (this.outlet.write(chunks)) this.buffered = 0;
    else this.measure(elapsed);
    this.noteTaken(elapsed, this.buffered);
  }

  /**
   * Notes whether the outbox is full. From then until it is empty, whenever less waits than at the last look the reader
   * has taken something, and the outbox counts as just become full.
   */
  measure(elapsed: number): void {
    const { bufferedBytes } = this.outlet;
    if (this.congestedAtElapsed !== undefined) {
      if (bufferedBytes < this.buffered) this.congestedAtElapsed = elapsed;
    } else if (bufferedBytes > this.#highWater) {
      this.#stats.congestions += 1;
      this.congestedAtElapsed = elapsed;
    }
    this.buffered = bufferedBytes;
  }
}
