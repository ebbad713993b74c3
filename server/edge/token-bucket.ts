import type { Clock } from '../async/clock.js';

/** Allows `perSecond` takes a second, and `burst` at once after a quiet time. */
export interface TokenBucket {
  /** False if it is empty. */
  take(): boolean;
}

/**
 * The same for any number of buckets, each of which is kept as one number: when it will be full again, in ms of
 * `clock.elapsed` (the generic cell rate algorithm, ITU-T I.371). 0 is a full one.
 */
export interface Rate {
  /** What a bucket is after a take; `undefined` if it is empty. */
  take(fullAt: number): number | undefined;
}

/** Of one token. */
const ROUNDING = 1e-6;

/** `perSecond` of 0: no limit. `burst`: a second's worth unless told. */
export function createTokenBucket(perSecond: number, clock: Clock, burst = perSecond): TokenBucket {
  const rate = createRate(perSecond, clock, burst);
  let fullAt = 0;
  return {
    take() {
      const next = rate.take(fullAt);
      if (next === undefined) return false;
      fullAt = next;
      return true;
    },
  };
}

/** Of the same numbers. */
export function createRate(perSecond: number, clock: Clock, burst = perSecond): Rate {
  if (perSecond === 0) return { take: (fullAt) => fullAt };
  const interval = 1000 / perSecond;
  const capacity = burst * interval;
  return {
    take(fullAt) {
      const now = clock.elapsed();
      const from = Math.max(fullAt, now);
      // The last part is for what sums of fractions lose.
      return from - now > capacity - interval * (1 - ROUNDING) ? undefined : from + interval;
    },
  };
}
