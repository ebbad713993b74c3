import type { Clock } from '../async/clock.js';

/** Allows `perSecond` takes a second, and `burst` at once after a quiet time. */
export interface TokenBucket {
  /** False if it is empty. */
  take(): boolean;
}

/** `perSecond` of 0: no limit. `burst`: a second's worth unless told. */
export function createTokenBucket(perSecond: number, clock: Clock, burst = perSecond): TokenBucket {
  if (perSecond === 0) return { take: () => true };
  let tokens = burst;
  let since = clock.now();
  return {
    take() {
      const now = clock.now();
      tokens = Math.min(burst, tokens + ((now - since) / 1000) * perSecond);
      since = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
