import { LONGEST_WAIT } from '../schedule.js';

/** Says when a stream is connected to again. Times are ms by a clock that nobody sets, durations ms. */
export interface Reconnect {
  opened(now: number): void;
  ended(now: number, how: Ending): void;
  /** Before this it is not to be connected to again for want of demand alone. */
  readonly notBefore: number;
}

interface Ending {
  /** The upstream closed it, without a fault. */
  orderly: boolean;
  /** How long the upstream wants to be left alone after any end (`retry:`). */
  pause: number | undefined;
  /** How long it asked for this time (Retry-After). */
  retryAfter: number | undefined;
}

const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 30_000;
/** A connection that stood so long was a good one: its end is a first failure. */
const STABLE = 5_000;
/** `retry:` is kept to within these bounds. */
const SHORTEST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;

/**
 * The wait after an end is the upstream's `retry:`, if it named one, and a random part besides: up to a limit that
 * begins with `retry:` or else 1 s, and doubles with each failure in a row up to 30 s. Ends by which a stream is only
 * being polled, in good order and with `retry:`, are no failures. A Retry-After is waited out in any case.
 */
export function createReconnect({ random }: { random: () => number }): Reconnect {
  let openedAt: number | undefined;
  let failures = 0;
  let notBefore = 0;

  return {
    opened(now) {
      openedAt = now;
    },
    ended(now, { orderly, pause, retryAfter = 0 }) {
      const stood = openedAt !== undefined && now - openedAt >= STABLE;
      const polled = openedAt !== undefined && orderly && pause !== undefined;
      openedAt = undefined;
      failures = stood || polled ? 1 : failures + 1;
      const asked = pause === undefined ? 0 : Math.min(Math.max(pause, SHORTEST_PAUSE), LONGEST_PAUSE);
      const limit = Math.min(LONGEST_BACKOFF, (asked || FIRST_BACKOFF) * 2 ** (failures - 1));
      notBefore = now + Math.max(asked + random() * limit, Math.min(retryAfter, LONGEST_WAIT));
    },
    get notBefore() {
      return notBefore;
    },
  };
}
