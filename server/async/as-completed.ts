import { checkDelay, setAlarm } from './alarm.js';
import { QueueShutDown, TimeoutError } from './errors.js';
import { interruptible } from './interruptible.js';
import { Queue } from './queue.js';
import { RunningTask, runnablesOf, running } from './running-task.js';
import type { ResultOf, Runnable, Task, TaskOptions } from './task.js';

/** Options of {@link asCompleted}. */
export interface AsCompletedOptions extends TaskOptions {
  /** Ends the iteration with a `TimeoutError` this many ms after the call; default: no limit. */
  timeout?: number | undefined;
}

/**
 * Starts all at once and yields each as a task when it has ended, in that order (`asyncio.as_completed`); await it for
 * its value. Functions are started by it: leaving the loop early, the timeout and a cancellation cancel and await them.
 * What the loop did not come to see is dropped with its errors. A task given stays with its owner and is only watched.
 */
export function asCompleted<R extends Runnable<unknown>>(
  runnables: Iterable<R>,
  options: AsCompletedOptions = {},
): AsyncIterableIterator<Task<ResultOf<R>>> {
  const { timeout = Number.POSITIVE_INFINITY } = options;
  checkDelay(timeout, 'The timeout of asCompleted');
  const given = runnablesOf(runnables) as Runnable<ResultOf<R>>[];
  const scope = new RunningTask<void>(options, 'asCompleted');
  scope.hear();
  // Boxed as the iterator's results: a promise for a task itself would wait for the task and become its value.
  const ended = new Queue<IteratorYieldResult<Task<ResultOf<R>>>>();
  let expired = false;
  let over = false;

  const tasks = given.map((runnable) =>
    typeof runnable === 'function' ? scope.take(runnable) : running(runnable),
  );
  const alarm = setAlarm(scope.clock, timeout, () => {
    expired = scope.cancel();
  });
  scope.onEnd(() => {
    alarm.cancel();
    ended.close({ immediate: scope.cancelling && !expired });
  });
  scope.begin((signal) => {
    if (tasks.length === 0) return;
    let left = tasks.length;
    return interruptible<void>(signal, (resolve) => {
      const ignores = tasks.map((task) =>
        task.onEnd(() => {
          task.hear();
          ended.putNowait({ done: false, value: task });
          if (--left === 0) resolve();
        }),
      );
      return () => {
        for (const ignore of ignores) ignore();
      };
    });
  });

  return {
    async next() {
      try {
        return await ended.get();
      } catch (error) {
        if (!(error instanceof QueueShutDown)) throw error;
      }
      if (over) return { done: true, value: undefined };
      over = true;
      if (expired) throw new TimeoutError(`"${scope.name}" was not through after ${timeout} ms.`);
      if (scope.cancelling) throw scope.signal.reason;
      return { done: true, value: undefined };
    },
    async return() {
      over = true;
      scope.cancel();
      await new Promise<void>((resolve) => scope.onEnd(resolve));
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
