import { checkDelay, setAlarm } from './alarm.js';
import type { Clock, Timer } from './clock.js';
import { AsyncError, CancelledError, TimeoutError } from './errors.js';
import { RunningTask } from './running-task.js';
import type { Task, TaskOptions } from './task.js';

/** The deadline of running work, for that work to look at and to move. */
export interface TimeoutScope {
  /**
   * The deadline as a time of day (ms since the epoch); `null`: none. Of a delay it is what is left of that from now, so
   * that it moves along where somebody sets the clock.
   */
  when(): number | null;
  /** Moves the deadline; `null` takes it away. Throws `invalid_state` once it has passed or the work has ended. */
  reschedule(when: number | null): void;
  /** Whether the deadline has passed before the work ended. */
  expired(): boolean;
}

/** Work under a deadline that it may move. */
export type TimedWork<T> = (signal: AbortSignal, scope: TimeoutScope) => PromiseLike<T> | T;

/**
 * Runs `work` for at most `delay` ms (`asyncio.timeout`, `asyncio.wait_for`); `null` sets no limit yet. At the deadline
 * the work is cancelled and awaited, then a `TimeoutError` is thrown, unless the work ended with a value or an error of
 * its own after all: that stands.
 */
export function timeout<T>(delay: number | null, work: TimedWork<T>, options: TaskOptions = {}): Task<T> {
  checkDelay(delay ?? 0, 'The delay of timeout');
  return withDeadline(
    (clock) => (delay === null ? null : { atElapsed: clock.elapsed() + delay }),
    work,
    options,
  );
}

/** As {@link timeout}, until `when` (ms since the epoch by the clock); one that has passed cancels at the first turn. */
export function timeoutAt<T>(when: number | null, work: TimedWork<T>, options: TaskOptions = {}): Task<T> {
  checkDelay(when ?? 0, 'The deadline of timeoutAt');
  return withDeadline(() => timeOfDay(when), work, options);
}

/** By `clock.elapsed`, or a time of day. */
type Deadline = { readonly atElapsed: number } | { readonly when: number } | null;

function timeOfDay(when: number | null): Deadline {
  return when === null ? null : { when };
}

function withDeadline<T>(
  deadlineFrom: (clock: Clock) => Deadline,
  work: TimedWork<T>,
  options: TaskOptions,
): Task<T> {
  const scope = new RunningTask<T>(options, 'timeout');
  const { clock } = scope;
  let deadline = deadlineFrom(clock);
  let alarm: Timer | undefined;
  let expiry: TimeoutError | undefined;

  const leftOf = (one: NonNullable<Deadline>) =>
    'when' in one ? one.when - clock.now() : one.atElapsed - clock.elapsed();
  const arm = () => {
    alarm?.cancel();
    alarm = deadline === null ? undefined : setAlarm(clock, leftOf(deadline), expire);
  };
  const expire = () => {
    expiry = new TimeoutError(`Task "${scope.name}" passed its deadline after ${Math.round(scope.age)} ms.`);
    body.cancel(new CancelledError(expiry.message, { cause: expiry }));
  };
  const timed: TimeoutScope = {
    when() {
      if (deadline === null) return null;
      return 'when' in deadline ? deadline.when : Math.round(clock.now() + leftOf(deadline));
    },
    reschedule(when) {
      if (expiry || body.state !== 'pending') {
        throw new AsyncError(
          'invalid_state',
          `The deadline of task "${scope.name}" cannot be moved: ${expiry ? 'it has passed' : 'its work has ended'}.`,
        );
      }
      checkDelay(when ?? 0, 'The deadline given to reschedule');
      deadline = timeOfDay(when);
      arm();
    },
    expired: () => expiry !== undefined,
  };
  const named = { [work.name]: (signal: AbortSignal) => work(signal, timed) }[work.name]!;
  const body = scope.take(named);
  arm();
  body.onEnd(() => alarm?.cancel());

  return scope.begin(async (signal) => {
    try {
      return await body;
    } catch (error) {
      if (expiry && body.state === 'cancelled' && !signal.aborted) throw expiry;
      throw error;
    }
  });
}
