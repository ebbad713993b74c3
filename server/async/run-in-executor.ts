import type { Executor } from './executor.js';
import type { CallRequest } from './executor-worker.js';
import type { Task, TaskOptions } from './task.js';

/** A function by its place: the URL of a module that Node can import, and the name of the export (default `default`). */
export interface ModuleFunction {
  readonly module: URL | string;
  readonly export?: string;
}

/**
 * Calls a function in a worker thread of `executor` (`loop.run_in_executor`), so that it does not hold the event loop.
 *
 * `func` is a {@link ModuleFunction}, or a function that stands by itself: its source text is sent, so it sees its
 * arguments, the globals and what it imports with `await import()`, nothing around it; a method, a built-in and a bound
 * function will not do. Arguments and result must be structured-cloneable (HTML Standard, 2.7); an error comes back as
 * an `Error` with its `name`, `message`, `stack` and, if it is a string, `code`. It may be async.
 *
 * A cancellation ends the thread, wherever the function is; the next call gets a new one. Throws `executor_closed`
 * after `close`; the task fails with `worker_lost` where the thread dies.
 */
export function runInExecutor<A extends readonly unknown[], T>(
  executor: Executor,
  func: (...args: A) => PromiseLike<T> | T,
  args: A,
  options?: TaskOptions,
): Task<T>;
export function runInExecutor<T = unknown>(
  executor: Executor,
  func: ModuleFunction,
  args: readonly unknown[],
  options?: TaskOptions,
): Task<T>;
export function runInExecutor(
  executor: Executor,
  func: ((...args: never[]) => unknown) | ModuleFunction,
  args: readonly unknown[],
  options: TaskOptions = {},
): Task<unknown> {
  const request: CallRequest =
    typeof func === 'function'
      ? { source: String(func), args }
      : { module: String(func.module), name: func.export ?? 'default', args };
  const name = options.name ?? (typeof func === 'function' ? func.name : request.name);
  return executor.submit(request, { ...options, name: name || undefined });
}
