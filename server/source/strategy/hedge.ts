import type { Member } from './member.js';

/** When a race starts the next request although the one before has not failed. */
export interface Hedge {
  /** Milliseconds to wait for this member before the next one is asked too. */
  delay(member: Member): number;
  /** A request was begun that is no hedge. */
  earn(): void;
  /** Whether one more hedge is within the budget; takes it. */
  spend(): boolean;
}

/** For `p95`, while too few answers were measured, and its bounds; ms. */
const UNMEASURED = 100;
const SHORTEST = 10;
const LONGEST = 2_000;

/** A hedge costs what this many requests earn: 10 %. */
const PRICE = 10;
/** Hedges that may be saved up, and that there are at the start. */
const BURST = 3;

/**
 * Hedges after a fixed delay, or after the 95th percentile of what each URL took. Of any `n` requests in a row, at most
 * `n / 10 + 3` can be followed by a hedge: where all is slow, hedging would only make it slower.
 */
export function createHedge(after: number | 'p95'): Hedge {
  let savings = BURST * PRICE;
  return {
    delay(member) {
      if (after !== 'p95') return after;
      return Math.min(Math.max(member.latencies.p95() ?? UNMEASURED, SHORTEST), LONGEST);
    },
    earn() {
      savings = Math.min(savings + 1, BURST * PRICE);
    },
    spend() {
      if (savings < PRICE) return false;
      savings -= PRICE;
      return true;
    },
  };
}
