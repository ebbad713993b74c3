import { AsyncError, QueueEmpty, QueueFull, QueueShutDown } from './errors.js';
import { interruptible } from './interruptible.js';
import { LinkedList } from './linked-list.js';

/** Somebody who waits in {@link Queue.get}. */
interface Getter<T> {
  resolve(item: T): void;
  reject(error: QueueShutDown): void;
}

/** Somebody who waits in {@link Queue.put} with an item. */
interface Putter<T> {
  readonly item: T;
  resolve(): void;
  reject(error: QueueShutDown): void;
}

/** What ends the waiting of `put`, `get` and `join`. */
interface WaitOptions {
  signal?: AbortSignal | undefined;
}

/**
 * A first-in, first-out queue between tasks (`asyncio.Queue`). Whoever waits is served in the order of asking, and an
 * item goes straight to whoever waits for it. A cancelled `get` takes no item and a cancelled `put` leaves none.
 */
export class Queue<T> {
  /** The most items it holds; `Infinity` without a bound. */
  readonly maxSize: number;
  readonly #items = new LinkedList<T>();
  readonly #getters = new LinkedList<Getter<T>>();
  readonly #putters = new LinkedList<Putter<T>>();
  readonly #joiners = new LinkedList<() => void>();
  #unfinished = 0;
  #closed = false;

  /** `maxSize` of 0 or less means no bound, which is the default. */
  constructor({ maxSize = 0 }: { maxSize?: number } = {}) {
    if (Number.isNaN(maxSize)) throw new RangeError('The maxSize of a Queue is NaN; give a number of items.');
    this.maxSize = maxSize > 0 ? maxSize : Number.POSITIVE_INFINITY;
  }

  /** Items that can be had now. */
  get size(): number {
    return this.#items.size;
  }

  get empty(): boolean {
    return this.size === 0;
  }

  get full(): boolean {
    return this.size >= this.maxSize;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Adds an item, waiting for room. Throws {@link QueueShutDown} if the queue is or gets closed before there is any. */
  put(item: T, { signal }: WaitOptions = {}): Promise<void> {
    if (this.#closed) return Promise.reject(new QueueShutDown());
    if (this.full || signal?.aborted) {
      return interruptible<void>(signal, (resolve, reject) => this.#putters.push({ item, resolve, reject }));
    }
    this.putNowait(item);
    return Promise.resolve();
  }

  /** Adds an item at once. Throws {@link QueueFull} or {@link QueueShutDown}. */
  putNowait(item: T): void {
    if (this.#closed) throw new QueueShutDown();
    if (this.full) throw new QueueFull(this.maxSize);
    this.#accept(item);
  }

  /** Takes the oldest item, waiting for one. Throws {@link QueueShutDown} once the queue is closed and empty. */
  get({ signal }: WaitOptions = {}): Promise<T> {
    if (this.empty && this.#closed) return Promise.reject(new QueueShutDown());
    if (this.empty || signal?.aborted) {
      return interruptible<T>(signal, (resolve, reject) => this.#getters.push({ resolve, reject }));
    }
    return Promise.resolve(this.getNowait());
  }

  /** Takes the oldest item at once. Throws {@link QueueEmpty}, or {@link QueueShutDown} if it is closed as well. */
  getNowait(): T {
    if (this.empty) throw this.#closed ? new QueueShutDown() : new QueueEmpty();
    const item = this.#items.shift() as T;
    const putter = this.#putters.shift();
    if (putter) {
      this.#accept(putter.item);
      putter.resolve();
    }
    return item;
  }

  /** Says that the work on an item that was taken is finished. Throws `invalid_state` if called more often than items were put. */
  taskDone(): void {
    if (this.#unfinished === 0) {
      throw new AsyncError('invalid_state', 'taskDone() was called more often than items were put.');
    }
    this.#finish(1);
  }

  /** Resolves when `taskDone` was called for every item that was put; at once if there is none. */
  join({ signal }: WaitOptions = {}): Promise<void> {
    if (this.#unfinished === 0) return Promise.resolve();
    return interruptible<void>(signal, (resolve) => this.#joiners.push(resolve));
  }

  /**
   * Takes no item any more (`asyncio.Queue.shutdown`): those who wait in `put` get a {@link QueueShutDown}, those in
   * `get` too. `immediate`: drops the items that are left, counting them as finished. Calling it again does no harm.
   */
  close({ immediate = false } = {}): void {
    this.#closed = true;
    if (immediate) {
      let dropped = 0;
      while (!this.empty) {
        this.#items.shift();
        dropped++;
      }
      this.#finish(Math.min(dropped, this.#unfinished));
    }
    for (let putter = this.#putters.shift(); putter; putter = this.#putters.shift()) {
      putter.reject(new QueueShutDown());
    }
    for (let getter = this.#getters.shift(); getter; getter = this.#getters.shift()) {
      getter.reject(new QueueShutDown());
    }
  }

  #accept(item: T): void {
    this.#unfinished++;
    const getter = this.#getters.shift();
    if (getter) getter.resolve(item);
    else this.#items.push(item);
  }

  #finish(count: number): void {
    this.#unfinished -= count;
    if (this.#unfinished > 0) return;
    for (let resolve = this.#joiners.shift(); resolve; resolve = this.#joiners.shift()) resolve();
  }
}
