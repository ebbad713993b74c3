import type { Clock } from '../async/clock.js';

/** Allows `perSecond` takes a second, and `burst` at once after a quiet time. */
export interface TokenBucket {
  /** False if it is empty. */
  take(): boolean;
}

/** `perSecond` of 0: no limit. `burst`: a second's worth unless told. */
export function createTokenBucket(perSecond: number, clock: Clock, burst = perSecond): TokenBucket {
  return perSecond === 0 ? UNLIMITED : new Bucket(perSecond, clock, burst);
}

const UNLIMITED: TokenBucket = { take: () => true };

class Bucket implements TokenBucket {
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #burst: number;
  #tokens: number;
  #since: number;

  constructor(perSecond: number, clock: Clock, burst: number) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#burst = burst;
    this.#tokens = burst;
    this.#since = clock.now();
  }

  take(): boolean {
    const now = this.#clock.now();
    // A clock that was set back must not take tokens away: nobody would get any until it has caught up.
    const passed = Math.max(0, now - this.#since);
    this.#tokens = Math.min(this.#burst, this.#tokens + (passed / 1000) * this.#perSecond);
    this.#since = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
