/** A timer that can be called off. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Where time comes from, so that a test can step it by hand. All durations are milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `fire` once, `delay` from now (0 or less: as soon as possible, never synchronously). */
  after(delay: number, fire: () => void): Timer;
}

/** The real time: `Date.now` and `setTimeout`. Delays beyond 2^31 - 1 ms are clamped to it. */
export const systemClock: Clock = {
  now: Date.now,
  after(delay, fire) {
    const handle = setTimeout(fire, Math.min(delay, 0x7fffffff));
    return { cancel: () => clearTimeout(handle) };
  },
};
