import { ExceptionGroup } from './errors.js';
import { RunningTask, runnablesOf } from './running-task.js';
import type { ResultOf, Runnable, Task, TaskOptions } from './task.js';

/**
 * Runs all at once and gives the first value; the losers are cancelled, and have ended when it returns. What a loser
 * throws after the win is dropped with it. If all fail, throws an `ExceptionGroup` of their errors in the order of
 * `runnables`. Throws a RangeError where there is none.
 */
export function firstCompleted<R extends Runnable<unknown>>(
  runnables: Iterable<R>,
  options: TaskOptions = {},
): Task<ResultOf<R>> {
  const given = runnablesOf(runnables);
  if (given.length === 0) throw new RangeError('firstCompleted needs at least one function or task.');
  const scope = new RunningTask<ResultOf<R>>(options, 'firstCompleted');
  const children = given.map((runnable) => scope.take(runnable as Runnable<ResultOf<R>>));
  return scope.begin(async (signal) => {
    try {
      // The task ends only once its children have, and cancels those that remain: they are the losers.
      return await Promise.any(children);
    } catch (error) {
      signal.throwIfAborted();
      throw new ExceptionGroup(`All ${given.length} failed`, (error as AggregateError).errors);
    }
  });
}
