import { checkDelay, setAlarm } from './alarm.js';
import { type Clock, systemClock } from './clock.js';
import { interruptible } from './interruptible.js';
import { ownerOf } from './owner.js';

/** Options of {@link sleep}. */
export interface SleepOptions<T> {
  /** Ends the sleep early: it rejects with a `CancelledError`. */
  signal?: AbortSignal | undefined;
  /** What the sleep resolves with. */
  result?: T;
  /** Default: that of the task `signal` belongs to, or the system's. */
  clock?: Clock | undefined;
}

/**
 * Resolves after `delay` ms (`asyncio.sleep`). 0 or less lets others run first and goes on as soon as possible;
 * `Infinity` sleeps until it is cancelled. Throws a RangeError for NaN.
 */
export function sleep(delay: number, options?: SleepOptions<undefined>): Promise<void>;
export function sleep<T>(delay: number, options: SleepOptions<T>): Promise<T>;
export function sleep<T>(delay: number, options: SleepOptions<T> = {}): Promise<T | undefined> {
  checkDelay(delay, 'The delay of sleep');
  const clock = options.clock ?? ownerOf(options.signal)?.clock ?? systemClock;
  return interruptible(options.signal, (resolve) => {
    const alarm = setAlarm(clock, delay, () => resolve(options.result));
    return () => alarm.cancel();
  });
}
