import { AsyncError } from './errors.js';
import { interruptible } from './interruptible.js';
import { LinkedList } from './linked-list.js';

/** The right to go on, from {@link Semaphore.acquire}; `using` gives it back at the end of the block. */
export interface Permit extends Disposable {
  /** Gives it back; a second time does nothing. */
  release(): void;
}

/** Options of {@link Semaphore}. */
export interface SemaphoreOptions {
  /** Makes `release` beyond the initial value throw (`asyncio.BoundedSemaphore`). Default: false. */
  bounded?: boolean;
}

/** Lets at most `value` go on at a time (`asyncio.Semaphore`), those who wait in the order of asking. */
export class Semaphore {
  readonly #limit: number;
  readonly #waiters = new LinkedList<() => void>();
  #value: number;

  /** `value`: a whole number from 0, default 1; a RangeError for others. */
  constructor(value = 1, { bounded = false }: SemaphoreOptions = {}) {
    if (!Number.isInteger(value) || value < 0) {
      throw new RangeError(`The value of a Semaphore is ${value}; give a whole number from 0.`);
    }
    this.#value = value;
    this.#limit = bounded ? value : Number.POSITIVE_INFINITY;
  }

  /** Whether `acquire` would have to wait. */
  get locked(): boolean {
    return this.#value === 0;
  }

  /** Waits for its turn. A cancelled one takes no permit. */
  acquire({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<Permit> {
    if (this.#value === 0 || signal?.aborted) {
      return interruptible<Permit>(signal, (resolve) => this.#waiters.push(() => resolve(this.#permit())));
    }
    this.#value--;
    return Promise.resolve(this.#permit());
  }

  /** Lets one more go on: the one that waits longest, if any. A bounded semaphore throws `invalid_state` if nobody held it. */
  release(): void {
    // A permit that is given back goes straight to the next in line, so that no newcomer can overtake it.
    const next = this.#waiters.shift();
    if (next) {
      next();
      return;
    }
    if (this.#value >= this.#limit) {
      throw new AsyncError('invalid_state', 'The bounded semaphore was released more often than acquired.');
    }
    this.#value++;
  }

  #permit(): Permit {
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.release();
    };
    return { release, [Symbol.dispose]: release };
  }
}
