import type { Clock } from '../async/clock.js';

/** How many bad messages a connection may send in a row of them before it is closed. */
const PATIENCE = 10;
/** One bad message is forgiven in that many milliseconds. */
const FORGIVEN_AFTER = 10_000;

/** Counts what a client does wrong: once is told, repeated closes. */
export interface Strikes {
  /** Counts one; true when it is enough. */
  add(): boolean;
}

export function createStrikes(clock: Clock): Strikes {
  let count = 0;
  let since = clock.elapsed();
  return {
    add() {
      const forgiven = Math.floor((clock.elapsed() - since) / FORGIVEN_AFTER);
      count = Math.max(0, count - forgiven) + 1;
      since += forgiven * FORGIVEN_AFTER;
      return count >= PATIENCE;
    },
  };
}
