import { AsyncError, CancelledError, ExceptionGroup, isAbortError } from './errors.js';
import { onStop } from './owner.js';
import { RunningTask } from './running-task.js';
import type { Task, TaskOptions, Work } from './task.js';

/**
 * Owns tasks that stand and fall together (`asyncio.TaskGroup`): the first failure cancels the others and the body, all
 * are awaited, and the errors come as one `ExceptionGroup`, the body's among them. A task that is merely cancelled
 * disturbs nobody. `TaskGroup.run` is the whole of `async with`; a group can also be held with `await using`.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #scope: RunningTask<unknown>;
  readonly #errors: unknown[] = [];
  /** Ends the body of a group that was made by `new`. */
  #leave: () => void = () => {};
  #left = false;
  #joined = false;
  #body: () => unknown = () =>
    new Promise<void>((resolve) => {
      this.#leave = resolve;
      if (this.#left) resolve();
    });

  /** Opens a group; to be closed with `join`, or left with `await using`. */
  constructor(options: TaskOptions = {}) {
    this.#scope = new RunningTask<unknown>(options, 'TaskGroup');
    this.#scope.begin((signal) => this.#live(signal));
    // An owner that ends waits for the group; without one its errors wait for `join` or the end of the block.
    if (this.#scope.owner) onStop(this.signal, () => this.#end());
  }

  /** Runs `body` with a new group and gives its value when it and all tasks of the group have ended. */
  static run<T>(body: (group: TaskGroup) => PromiseLike<T> | T, options: TaskOptions = {}): Task<T> {
    const group = new TaskGroup(options);
    group.#body = () => body(group);
    return group.#scope as RunningTask<T>;
  }

  /** Aborted when the group is cancelled or a task of it fails: the body heeds it. */
  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  /** Starts a task of the group, also while the group waits for its last ones. Throws `owner_ended` when it is over or being cancelled. */
  createTask<T>(work: Work<T>, options: { name?: string } = {}): Task<T> {
    if (this.#scope.state !== 'pending' || this.signal.aborted) {
      const why = this.#scope.state === 'pending' ? 'is being cancelled' : 'has ended';
      throw new AsyncError('owner_ended', `The TaskGroup "${this.#scope.name}" ${why}; it starts no task.`);
    }
    const task = new RunningTask<T>({ ...options, signal: this.signal }, work.name);
    task.hear();
    task.onEnd(() => {
      if (task.state !== 'failed') return;
      this.#errors.push(task.exception());
      this.cancel(`A task of TaskGroup "${this.#scope.name}" failed.`);
    });
    return task.begin(work);
  }

  /** Cancels the body and all tasks. */
  cancel(reason?: unknown): void {
    this.#scope.cancel(reason);
  }

  /** Waits for all tasks to end and closes the group. Throws the `ExceptionGroup`, or a `CancelledError` if it was cancelled. */
  async join(): Promise<void> {
    this.#joined = true;
    this.#end();
    await this.#scope;
  }

  /**
   * Cancels what still runs, waits for it and throws what failed. A block that is left cannot say whether it threw, so
   * it does not wait for tasks to finish by themselves: `await group.join()` at its end does.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    this.cancel('The block that held the group was left.');
    try {
      await this.#scope;
    } catch (error) {
      // What `join` has thrown already is not news.
      if (!this.#joined && !isAbortError(error)) throw error;
    }
  }

  #end(): void {
    this.#left = true;
    this.#leave();
  }

  async #live(signal: AbortSignal): Promise<unknown> {
    let value: unknown;
    let cancellation: unknown;
    try {
      value = await this.#body();
    } catch (error) {
      if (error instanceof CancelledError || (signal.aborted && isAbortError(error))) cancellation = error;
      else this.#errors.push(error);
      this.cancel(cancellation ?? `The body of TaskGroup "${this.#scope.name}" failed.`);
    }
    while (this.#scope.childCount > 0) await this.#scope.childrenEnded();
    if (this.#errors.length > 0) {
      throw new ExceptionGroup(`Unhandled errors in TaskGroup "${this.#scope.name}"`, this.#errors);
    }
    if (signal.aborted) throw signal.reason;
    return value;
  }
}
