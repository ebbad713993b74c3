import type { Clock } from './clock.js';
import { AsyncError } from './errors.js';
import { ownerOf } from './owner.js';
import { RunningTask } from './running-task.js';

/** Work that can be cancelled: when `signal` is aborted it should clean up and end, best by throwing the signal's reason. */
export type Work<T> = (signal: AbortSignal) => PromiseLike<T> | T;

/** What is given to `gather` and its like: work to be started, or a task that runs already. */
export type Runnable<T> = Work<T> | Task<T>;

/** What a {@link Runnable} comes to. */
export type ResultOf<R> =
  R extends Task<infer T> ? T : R extends (signal: AbortSignal) => infer V ? Awaited<V> : never;

/** `pending` until the work and all that it started have ended; then for good one of the others. */
export type TaskState = 'pending' | 'done' | 'failed' | 'cancelled';

/** Work that was started. Awaiting it gives the work's value, or throws its error or a `CancelledError`. */
export interface Task<out T> extends PromiseLike<T> {
  /** Unlike that of any other task of this process. */
  readonly id: number;
  readonly name: string;
  /** The task that cancels and awaits this one before it ends; `undefined` where the caller is responsible. */
  readonly owner: Task<unknown> | undefined;
  readonly state: TaskState;
  /** True once `cancel` was called in time, whatever comes of it. */
  readonly cancelling: boolean;
  /** When it was made, as a time of day (ms since the epoch). */
  readonly startedAt: number;
  /** How long it has run, or ran (ms), whatever the time of day was set to meanwhile. */
  readonly age: number;
  /**
   * Asks the work to stop, by its signal: a task that has not begun never will. It is `cancelled` once it has ended;
   * a work that returns a value or throws another error all the same is `done` or `failed`.
   * `reason`: a string becomes the message of the `CancelledError`, anything else its `cause`.
   * False if the work had ended already.
   */
  cancel(reason?: unknown): boolean;
  /** The value; throws the error of a task that failed or was cancelled, and an `invalid_state` error while it is pending. */
  result(): T;
  /** The error of a task that failed, `undefined` if it is done; throws where it was cancelled or is pending. */
  exception(): unknown;
}

/** Options of everything that starts work. */
export interface TaskOptions {
  /**
   * Cancels the work. If it is the signal that another task's work was given, that task becomes the owner.
   * A signal that is aborted already lets nothing begin.
   */
  signal?: AbortSignal | undefined;
  /** Shown in messages and lists; default: the function's name, or the operation's. */
  name?: string | undefined;
  /** Where time comes from; default: the owner's clock, or the system's. */
  clock?: Clock | undefined;
}

/**
 * Starts `work` with no owner, as `asyncio.run` does: the root of a program or of a request. The caller awaits it; if
 * it fails and nobody does, the runtime reports an unhandled rejection, as of any promise.
 */
export function run<T>(work: Work<T>, options: TaskOptions = {}): Task<T> {
  return new RunningTask<T>(options, work.name || 'run').begin(work);
}

/**
 * Starts `work` at the next microtask as a child of the task that `options.signal` belongs to (`asyncio.create_task`).
 * A failure that nobody looks at makes the owner fail when it ends. Throws `no_owner` for any other signal, and
 * `owner_ended` if that task has ended.
 */
export function createTask<T>(work: Work<T>, options: TaskOptions & { signal: AbortSignal }): Task<T> {
  requireOwner(options.signal, 'createTask');
  return new RunningTask<T>(options, work.name).begin(work);
}

/** Throws `no_owner` unless `signal` was given to the work of a task. */
export function requireOwner(signal: AbortSignal | undefined, operation: string): void {
  if (ownerOf(signal)) return;
  throw new AsyncError(
    'no_owner',
    `${operation} needs an owner: pass the signal that a task's work was given, or start it in a TaskGroup.`,
  );
}
