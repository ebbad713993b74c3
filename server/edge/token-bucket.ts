import type { Clock } from '../async/clock.js';

/** Allows `perSecond` takes a second, and as many at once after a quiet second. 0: no limit. */
export interface TokenBucket {
  /** False if it is empty. */
  take(): boolean;
}

export function createTokenBucket(perSecond: number, clock: Clock): TokenBucket {
  if (perSecond === 0) return { take: () => true };
  let tokens = perSecond;
  let since = clock.now();
  return {
    take() {
      const now = clock.now();
      tokens = Math.min(perSecond, tokens + ((now - since) / 1000) * perSecond);
      since = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
