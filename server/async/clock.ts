/** A timer that can be called off. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Where time comes from, so that a test can step it by hand. All durations are milliseconds. */
export interface Clock {
  /** The time of day, in milliseconds since the Unix epoch. It may be set back or forth: for what is shown and kept. */
  now(): number;
  /** Milliseconds since some moment, which nobody sets: for how long things last and when they are due. */
  elapsed(): number;
  /** Calls `fire` once, `delay` from now (0 or less: as soon as possible, never synchronously). */
  after(delay: number, fire: () => void): Timer;
}

/** The real time: `Date.now`, `performance.now` and `setTimeout`. Delays beyond 2^31 - 1 ms are clamped to it. */
export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(delay, fire) {
    const handle = setTimeout(fire, Math.min(delay, 0x7fffffff));
    return { cancel: () => clearTimeout(handle) };
  },
};
