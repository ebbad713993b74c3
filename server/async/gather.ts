import { RunningTask, runnablesOf } from './running-task.js';
import type { ResultOf, Runnable, Task, TaskOptions } from './task.js';

/** The results of a list of runnables, each in its place. */
export type ResultsOf<R extends readonly Runnable<unknown>[]> = { -readonly [I in keyof R]: ResultOf<R[I]> };

/** Options of {@link gather}. */
export interface GatherOptions extends TaskOptions {
  /** Puts errors among the results instead of failing; anything thrown that is no Error is wrapped. Default: false. */
  returnExceptions?: boolean;
}

/**
 * Runs all at once and gives their results in the order of `runnables` (`asyncio.gather`). The first failure is the
 * gather's own; the others are then cancelled and awaited before it is thrown. Cancelling it cancels all of them.
 */
export function gather<const R extends readonly Runnable<unknown>[]>(
  runnables: R,
  options: GatherOptions & { returnExceptions: true },
): Task<{ -readonly [I in keyof R]: ResultOf<R[I]> | Error }>;
export function gather<const R extends readonly Runnable<unknown>[]>(
  runnables: R,
  options?: GatherOptions & { returnExceptions?: false },
): Task<ResultsOf<R>>;
export function gather(
  runnables: readonly Runnable<unknown>[],
  options: GatherOptions = {},
): Task<unknown[]> {
  const given = runnablesOf(runnables);
  const scope = new RunningTask<unknown[]>(options, 'gather');
  const children = given.map((runnable) => scope.take(runnable));
  return scope.begin(async (signal) => {
    const results = await Promise.all(options.returnExceptions ? children.map(orError) : children);
    signal.throwIfAborted();
    return results;
  });
}

async function orError(child: Task<unknown>): Promise<unknown> {
  try {
    return await child;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error), { cause: error });
  }
}
