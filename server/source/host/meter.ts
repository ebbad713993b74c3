import type { Quota } from './quota.js';

/** Counts requests against one quota. Times are ms by a clock that never goes back. */
export interface Meter {
  readonly quota: Quota;
  /** How long until a request may go, in ms, when `ahead` others go before it; 0: now. */
  delay(ahead: number, now: number): number;
  /** One goes now. */
  take(now: number): void;
  /** How many may go now. */
  left(now: number): number;
  /** The shortest interval, in ms, that so many `sharers` can all keep with what is left, evenly. */
  interval(sharers: number, now: number): number;
}

const MINUTE = 60_000;

/** Quotas of up to a minute hold for every stretch of that length, longer ones for windows that begin with a request. */
export function createMeter(quota: Quota): Meter {
  return quota.per <= MINUTE ? slidingMeter(quota) : windowMeter(quota);
}

/** Remembers when the last `count` requests went: the next may go when the oldest of them is `per` ago. */
function slidingMeter(quota: Quota): Meter {
  const { count, per } = quota;
  const sent = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  let oldest = 0;
  return {
    quota,
    delay(ahead, now) {
      const earliest = sent[(oldest + ahead) % count]! + per;
      return Math.max(0, earliest - now) + Math.floor(ahead / count) * per;
    },
    take(now) {
      sent[oldest] = now;
      oldest = (oldest + 1) % count;
    },
    left: (now) => sent.reduce((free, at) => free + Number(at + per <= now), 0),
    interval: (sharers) => (per / count) * sharers,
  };
}

/** The window begins with the first request and the count anew when it is over. */
function windowMeter(quota: Quota): Meter {
  const { count, per } = quota;
  let end = Number.NEGATIVE_INFINITY;
  let used = 0;
  const usedBy = (now: number) => (now < end ? used : 0);
  return {
    quota,
    delay(ahead, now) {
      const over = usedBy(now) + ahead - count;
      if (over < 0) return 0;
      return (now < end ? end - now : per) + Math.floor(over / count) * per;
    },
    take(now) {
      used = usedBy(now) + 1;
      if (now >= end) end = now + per;
    },
    left: (now) => count - usedBy(now),
    interval(sharers, now) {
      const time = now < end ? end - now : per;
      // One for each is kept back: what was planned already comes when less is left than it was planned with.
      const spare = Math.max(1, count - usedBy(now) - sharers);
      return (time / spare) * sharers;
    },
  };
}
