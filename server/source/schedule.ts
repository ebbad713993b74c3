/** Says when a source is fetched next. Times are ms since the epoch, durations ms. */
export interface Schedule {
  /** A fetch begins, due or not. */
  started(now: number): void;
  /** The next fetch begins a new grid: it comes after a pause. */
  restart(): void;
  succeeded(): void;
  /** `retryAfter`: how long the upstream asked to be left alone. */
  failed(now: number, retryAfter: number | undefined): void;
  /** When the next fetch is due, seen from `now`, when the last one is over. */
  next(now: number): number;
  /** Before this a failing source is not to be asked again for want of demand alone. */
  readonly notBefore: number;
}

/** Part of `every` by which a fetch comes early or late, so that many sources do not fire together. */
const JITTER = 0.1;
const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 30_000;
/** A Retry-After beyond a day is taken for a mistake. */
const LONGEST_RETRY_AFTER = 24 * 60 * 60 * 1_000;

/**
 * While the source works, fetches aim at the points of a grid of width `every` that begins with a fetch, each point
 * missed by up to 10 % either way: jitter does not add up to drift. A fetch that overruns skips the points it
 * covered; nothing is caught up in a burst.
 *
 * While it fails, the waits are random between a first backoff (`every`, at most 1 s) and a limit that doubles with
 * each failure in a row, up to 30 s or `every` if that is longer; a Retry-After is waited out besides. The first
 * success begins a new grid.
 */
export function createSchedule({ every, random }: { every: number; random: () => number }): Schedule {
  const shortest = Math.min(every, FIRST_BACKOFF);
  const longest = Math.max(every, LONGEST_BACKOFF);
  /** Where the grid begins; `undefined`: with the next fetch. */
  let origin: number | undefined;
  let lastStart = 0;
  let failures = 0;
  let notBefore = 0;

  return {
    started(now) {
      lastStart = now;
      origin ??= now;
    },
    restart() {
      origin = undefined;
    },
    succeeded() {
      if (failures > 0) origin = lastStart;
      failures = 0;
      notBefore = 0;
    },
    failed(now, retryAfter = 0) {
      failures += 1;
      const limit = Math.min(longest, shortest * 2 ** failures);
      const backoff = shortest + random() * (limit - shortest);
      notBefore = now + Math.max(backoff, Math.min(retryAfter, LONGEST_RETRY_AFTER));
    },
    next(now) {
      if (failures > 0) return Math.max(now, notBefore);
      origin ??= now;
      // A fetch out of turn (asked for, or reported by the source) stands for a point only when it comes just before it.
      const reached = Math.floor((lastStart - origin) / every + 1.5 * JITTER);
      const point = Math.max(reached + 1, Math.ceil((now - origin) / every));
      const jitter = (random() * 2 - 1) * JITTER * every;
      return Math.max(now, origin + point * every + jitter);
    },
    get notBefore() {
      return notBefore;
    },
  };
}
