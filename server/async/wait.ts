import { checkDelay, setAlarm } from './alarm.js';
import type { Clock } from './clock.js';
import { interruptible } from './interruptible.js';
import { ownerOf } from './owner.js';
import { type RunningTask, running } from './running-task.js';
import type { Task } from './task.js';

/** When {@link wait} returns: at the first task to end, … */
export const FIRST_COMPLETED = 'FIRST_COMPLETED';
/** … at the first to fail (a cancelled one does not count), or when all have ended, … */
export const FIRST_EXCEPTION = 'FIRST_EXCEPTION';
/** … or when all have ended. */
export const ALL_COMPLETED = 'ALL_COMPLETED';

/** Options of {@link wait}. */
export interface WaitOptions {
  /** Default: `ALL_COMPLETED`. */
  returnWhen?: typeof FIRST_COMPLETED | typeof FIRST_EXCEPTION | typeof ALL_COMPLETED;
  /** Returns after this many ms at the latest; default: no limit. */
  timeout?: number | undefined;
  /** Ends the waiting with a `CancelledError`; the tasks go on. */
  signal?: AbortSignal | undefined;
  /** Default: that of the task `signal` belongs to, or of the first task's. */
  clock?: Clock | undefined;
}

/** The tasks that had ended when {@link wait} returned, and the others. */
export interface Waited<K extends Task<unknown>> {
  done: Set<K>;
  pending: Set<K>;
}

/**
 * Waits for tasks and says which have ended (`asyncio.wait`). It only looks on: it cancels nothing, throws no task's
 * error and no timeout, and what is pending stays with its owner. Throws a RangeError where there is no task.
 */
export function wait<K extends Task<unknown>>(
  tasks: Iterable<K>,
  options: WaitOptions = {},
): Promise<Waited<K>> {
  const given = new Set(tasks);
  const all = [...given].map((task) => running<unknown>(task));
  const [first] = all;
  if (!first) throw new RangeError('wait needs at least one task.');
  const { returnWhen = ALL_COMPLETED, timeout = Number.POSITIVE_INFINITY, signal } = options;
  checkDelay(timeout, 'The timeout of wait');
  const clock = options.clock ?? ownerOf(signal)?.clock ?? first.clock;

  let pending = 0;
  for (const task of all) if (task.state === 'pending') pending++;
  const ended = (task: RunningTask<unknown>) =>
    task.state !== 'pending' &&
    (returnWhen === FIRST_COMPLETED || (returnWhen === FIRST_EXCEPTION && task.state === 'failed'));

  const split = (): Waited<K> => {
    const waited: Waited<K> = { done: new Set(), pending: new Set() };
    for (const task of given) waited[task.state === 'pending' ? 'pending' : 'done'].add(task);
    return waited;
  };

  if (pending === 0 || all.some(ended)) return Promise.resolve(split());
  return interruptible<Waited<K>>(signal, (resolve) => {
    const alarm = setAlarm(clock, timeout, () => resolve(split()));
    const ignores = all.map((task) =>
      task.state === 'pending'
        ? task.onEnd(() => {
            // Without an owner nobody but the caller, who gets it now, can look after its failure.
            if (!task.owner) task.hear();
            pending--;
            if (pending === 0 || ended(task)) resolve(split());
          })
        : () => {},
    );
    return () => {
      alarm.cancel();
      for (const ignore of ignores) ignore();
    };
  });
}
