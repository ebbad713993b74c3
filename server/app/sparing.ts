import type { Clock } from '../async/clock.js';

/** So many at once, */
const BURST = 10;
/** and then one in so many ms. */
const EVERY = 1_000;

/**
 * Passes on what happens, ten in a row and then one a second, with how many it left out since the one before: an
 * upstream that sends rubbish by the thousand must not fill the disk with the news of it.
 */
export function sparing<T>(
  clock: Clock,
  say: (item: T, more: { leftOut?: number }) => void,
): (item: T) => void {
  let allowance = BURST;
  let since = clock.elapsed();
  let leftOut = 0;
  return (item) => {
    const now = clock.elapsed();
    allowance = Math.min(BURST, allowance + (now - since) / EVERY);
    since = now;
    if (allowance < 1) {
      leftOut += 1;
      return;
    }
    allowance -= 1;
    say(item, leftOut > 0 ? { leftOut } : {});
    leftOut = 0;
  };
}
