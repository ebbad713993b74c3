/** Says when a source is fetched next. Times are ms by a clock that nobody sets, durations ms. */
export interface Schedule {
  /** A fetch begins, due or not. */
  started(now: number): void;
  /** The next fetch begins a new grid: it comes after a pause. */
  restart(): void;
  /** Back to `every`: somebody new looks. */
  quicken(): void;
  /** `changed`: the fetch brought something else than what was there. */
  succeeded(changed: boolean): void;
  /** `retryAfter`: how long the upstream asked to be left alone. */
  failed(now: number, retryAfter: number | undefined): void;
  /** When the next fetch is due, seen from `now`, when the last one is over. `affordable`: see {@link Schedule.width}. */
  next(now: number, affordable: number): number;
  /** How far apart fetches are now: `every`, more while nothing changes, and no less than is `affordable`. */
  width(affordable: number): number;
  /** When the source may be asked again for want of demand alone: after its backoff, and when that is `affordable`. */
  notBefore(affordable: number): number;
}

export interface ScheduleOptions {
  every: number;
  /** The longest interval while nothing changes; default `every`. */
  adaptive?: number | undefined;
  /** By what part of the interval a fetch may come early or late; default 0.1. */
  jitter?: number | undefined;
  /** 0 to 1, for jitter and backoff. */
  random: () => number;
}

/** So that many sources do not fire together. */
const JITTER = 0.1;
/** How long at most, in ms, who is held back by quotas waits before looking again at what they afford. */
export const QUOTA_RECHECK = 30_000;
/** By how much an adaptive interval grows with each fetch that brought nothing new. */
const GROWTH = 1.5;
const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 30_000;
/** A Retry-After, or a wait for a quota, beyond a day is taken for a mistake; ms. */
export const LONGEST_WAIT = 24 * 60 * 60 * 1_000;

/**
 * While the source works, fetches aim at the points of a grid that begins with a fetch, each point missed by up to 10 %
 * of its width either way: jitter does not add up to drift. A fetch that overruns skips the points it covered; nothing
 * is caught up in a burst. A grid that becomes wider or narrower begins anew with the last fetch, so that sources
 * which a quota holds back together keep the distances that they have.
 *
 * While it fails, the waits are random between a first backoff (`every`, at most 1 s) and a limit that doubles with
 * each failure in a row, up to 30 s or `every` if that is longer; a Retry-After is waited out besides, and so is what
 * the quota asks for. The first success begins a new grid.
 */
export function createSchedule(options: ScheduleOptions): Schedule {
  const { every, adaptive = every, jitter = JITTER, random } = options;
  const shortest = Math.min(every, FIRST_BACKOFF);
  const longest = Math.max(every, LONGEST_BACKOFF);
  /** The interval that the source has earned by its changes, whatever the quota. */
  let pace = every;
  /** Where the grid begins; `undefined`: with the next fetch. */
  let origin: number | undefined;
  let gridWidth = every;
  /** Whether its width changed since the last fetch began. */
  let regridded = false;
  let lastStart: number | undefined;
  /** -1 to 1: where the next fetch falls beside its point. Drawn once a fetch, so that asking twice changes nothing. */
  let offset = 0;
  let failures = 0;
  let backoffUntil = 0;

  const within = (affordable: number) => Math.min(affordable, LONGEST_WAIT);
  const widthOf = (affordable: number) => Math.max(pace, within(affordable));
  const notBefore = (affordable: number) =>
    lastStart === undefined ? backoffUntil : Math.max(backoffUntil, lastStart + within(affordable));

  return {
    started(now) {
      regridded = false;
      lastStart = now;
      origin ??= now;
      offset = random() * 2 - 1;
    },
    restart() {
      origin = undefined;
    },
    quicken() {
      pace = every;
    },
    succeeded(changed) {
      if (failures > 0) origin = lastStart;
      failures = 0;
      backoffUntil = 0;
      pace = changed ? every : Math.min(pace * GROWTH, adaptive);
    },
    failed(now, retryAfter = 0) {
      failures += 1;
      const limit = Math.min(longest, shortest * 2 ** failures);
      const backoff = shortest + random() * (limit - shortest);
      backoffUntil = now + Math.max(backoff, Math.min(retryAfter, LONGEST_WAIT));
    },
    next(now, affordable) {
      if (failures > 0) return Math.max(now, notBefore(affordable));
      const width = widthOf(affordable);
      if (width !== gridWidth) {
        gridWidth = width;
        origin = lastStart;
        regridded = true;
      }
      origin ??= now;
      // A fetch out of turn (asked for, or reported by the source) stands for a point only when it comes just before it.
      const reached = Math.floor(((lastStart ?? now) - origin) / width + 1.5 * JITTER);
      // Of a grid made anew the first point is still due when it is late by its jitter.
      const covered = regridded ? 0 : Math.ceil((now - origin) / width);
      const point = Math.max(reached + 1, covered);
      return Math.max(now, origin + point * width + offset * jitter * width);
    },
    width: widthOf,
    notBefore,
  };
}
