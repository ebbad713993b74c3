import { checkDelay, setAlarm } from './alarm.js';
import type { Timer } from './clock.js';
import { AsyncError, CancelledError, TimeoutError } from './errors.js';
import { RunningTask } from './running-task.js';
import type { Task, TaskOptions } from './task.js';

/** The deadline of running work, for that work to look at and to move. */
export interface TimeoutScope {
  /** The deadline by the clock (ms since the epoch); `null`: none. */
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
  return withDeadline((now) => (delay === null ? null : now + delay), work, options);
}

/** As {@link timeout}, until `when` (ms since the epoch by the clock); one that has passed cancels at the first turn. */
export function timeoutAt<T>(when: number | null, work: TimedWork<T>, options: TaskOptions = {}): Task<T> {
  checkDelay(when ?? 0, 'The deadline of timeoutAt');
  return withDeadline(() => when, work, options);
}

function withDeadline<T>(
  deadlineFrom: (now: number) => number | null,
  work: TimedWork<T>,
  options: TaskOptions,
): Task<T> {
  const scope = new RunningTask<T>(options, 'timeout');
  const { clock } = scope;
  let deadline = deadlineFrom(clock.now());
  let alarm: Timer | undefined;
  let expiry: TimeoutError | undefined;

  const arm = () => {
    alarm?.cancel();
    alarm = deadline === null ? undefined : setAlarm(clock, deadline - clock.now(), expire);
  };
  const expire = () => {
    expiry = new TimeoutError(`Task "${scope.name}" passed its deadline after ${scope.age} ms.`);
    body.cancel(new CancelledError(expiry.message, { cause: expiry }));
  };
  const timed: TimeoutScope = {
    when: () => deadline,
    reschedule(when) {
      if (expiry || body.state !== 'pending') {
        throw new AsyncError(
          'invalid_state',
          `The deadline of task "${scope.name}" cannot be moved: ${expiry ? 'it has passed' : 'its work has ended'}.`,
        );
      }
      checkDelay(when ?? 0, 'The deadline given to reschedule');
      deadline = when;
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
