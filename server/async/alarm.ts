import type { Clock, Timer } from './clock.js';

/** The longest delay that a timer of the runtime takes, in ms (2^31 - 1, near 25 days). */
const LONGEST = 0x7fffffff;

/** Calls `fire` once after `delay` ms, however long that is; `Infinity` never fires and holds no timer. */
export function setAlarm(clock: Clock, delay: number, fire: () => void): Timer {
  if (delay === Number.POSITIVE_INFINITY) return { cancel() {} };
  if (delay <= LONGEST) return clock.after(delay, fire);
  let timer = clock.after(LONGEST, () => {
    timer = setAlarm(clock, delay - LONGEST, fire);
  });
  return { cancel: () => timer.cancel() };
}

/** Refuses what is no duration. `what` names the argument in the message. */
export function checkDelay(delay: number, what: string): void {
  if (typeof delay !== 'number' || Number.isNaN(delay)) {
    throw new RangeError(`${what} is ${String(delay)}; give a number of milliseconds.`);
  }
}
