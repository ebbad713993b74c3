/** How long to wait before connecting again: a random time up to `base` × 2^attempt, at most `max` (full jitter). */
export interface Backoff {
  /** Milliseconds; the bound of the first wait. Default 500. */
  base: number;
  /** Milliseconds; no wait is longer. Default 30,000. */
  max: number;
}

export const DEFAULT_BACKOFF: Backoff = { base: 500, max: 30_000 };

/** A connection that lasted this long counts as a success, so the next wait is short again. */
const STEADY_MS = 10_000;

/** A server may ask for a pause; one beyond ten minutes is taken for a mistake. */
const MAX_ASKED_MS = 600_000;

export interface Retry {
  /** The connection stands. */
  opened(): void;
  /** The server said when to come back: `drain.reconnectAfter`, the SSE field `retry`, `Retry-After`. Serves the next wait. */
  asked(milliseconds: number): void;
  /** The wait before the next attempt, in milliseconds. */
  next(): number;
}

/** Counts attempts and decides on waits. `random` gives [0, 1). */
export function createRetry(backoff: Backoff, random: () => number = Math.random): Retry {
  let attempt = 0;
  let openedAt: number | undefined;
  let asked: number | undefined;

  return {
    opened() {
      openedAt = performance.now();
    },
    asked(milliseconds) {
      asked = Math.min(Math.max(0, milliseconds), MAX_ASKED_MS);
    },
    next() {
      if (openedAt !== undefined && performance.now() - openedAt >= STEADY_MS) attempt = 0;
      openedAt = undefined;
      const bound = Math.min(backoff.max, backoff.base * 2 ** Math.min(attempt++, 30));
      const wait = asked ?? random() * bound;
      asked = undefined;
      return wait;
    },
  };
}
