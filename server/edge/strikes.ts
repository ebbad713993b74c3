import type { Clock } from '../async/clock.js';

/** The bad message that closes a connection: good ones between them forgive nothing, only time does. */
const PATIENCE = 10;
/** One bad message is forgiven in that many milliseconds. */
const FORGIVEN_AFTER = 10_000;

/** Counts what a client does wrong: once is told, ten times within what time forgives closes. */
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
