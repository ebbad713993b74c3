import { AsyncError, ExceptionGroup, isAbortError } from './errors.js';
import type { CallReply, CallRequest } from './executor-worker.js';
import { onStop } from './owner.js';
import { RunningTask } from './running-task.js';
import { Semaphore } from './semaphore.js';
import type { TaskOptions } from './task.js';
import { startThread, type Thread } from './thread.js';

/** Options of {@link Executor}. */
export interface ExecutorOptions extends TaskOptions {
  /** The most worker threads at a time, each started when first needed; default 4. Calls beyond wait in line. */
  maxWorkers?: number;
}

/**
 * A bounded pool of worker threads (`concurrent.futures.Executor`) for `runInExecutor`. It belongs to the task of
 * `signal`, which closes it, or to whoever calls `close`. Idle threads do not keep the process alive.
 */
export class Executor implements AsyncDisposable {
  readonly #scope: RunningTask<void>;
  readonly #slots: Semaphore;
  readonly #idle: Thread[] = [];
  /** What calls had left running in a thread and killed it. */
  readonly #strays: unknown[] = [];
  #closed = false;
  #close: () => void = () => {};

  /** Throws a RangeError where `maxWorkers` is no whole number from 1. */
  constructor(options: ExecutorOptions = {}) {
    const { maxWorkers = 4 } = options;
    if (!Number.isInteger(maxWorkers) || maxWorkers < 1) {
      throw new RangeError(`The maxWorkers of an Executor is ${maxWorkers}; give a whole number from 1.`);
    }
    this.#slots = new Semaphore(maxWorkers);
    this.#scope = new RunningTask<void>(options, 'Executor');
    const closing = new Promise<void>((resolve) => {
      this.#close = () => {
        this.#closed = true;
        resolve();
      };
    });
    onStop(this.#scope.signal, this.#close);
    this.#scope.begin(async () => {
      await closing;
      while (this.#scope.childCount > 0) await this.#scope.childrenEnded();
      await Promise.all(this.#idle.map((thread) => thread.end()));
      if (this.#strays.length > 0) {
        throw new ExceptionGroup(`Threads of executor "${this.#scope.name}" died`, this.#strays);
      }
    });
  }

  /** Makes the call a task of the pool and of its caller; without one, of the pool alone. */
  submit<T>(request: CallRequest, options: TaskOptions): RunningTask<T> {
    if (this.#closed) {
      throw new AsyncError('executor_closed', `Executor "${this.#scope.name}" is closed; it takes no call.`);
    }
    const owned = options.signal ? options : { ...options, signal: this.#scope.signal };
    const task = new RunningTask<T>(owned, 'runInExecutor');
    this.#scope.adopt(task);
    return task.begin((signal) => this.#call(request, signal) as Promise<T>);
  }

  /**
   * Takes no call any more, waits for those there are, and ends the threads. `cancel`: cancels them first. Throws an
   * `ExceptionGroup` of the failures of calls that nobody awaited and of threads that died between calls.
   */
  async close({ cancel = false } = {}): Promise<void> {
    this.#close();
    if (cancel) this.#scope.cancel(`Executor "${this.#scope.name}" was closed.`);
    try {
      await this.#scope;
    } catch (error) {
      if (!isAbortError(error)) throw error;
    }
  }

  /** Leaving the block closes it and cancels what still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ cancel: true });
  }

  #idleThread(): Thread | undefined {
    let thread = this.#idle.pop();
    while (thread && !thread.alive) thread = this.#idle.pop();
    return thread;
  }

  async #call(request: CallRequest, signal: AbortSignal): Promise<unknown> {
    using _slot = await this.#slots.acquire({ signal });
    const thread = this.#idleThread() ?? startThread((error) => this.#strays.push(error));
    let reply: CallReply;
    try {
      reply = await thread.call(request, signal);
    } catch (error) {
      await thread.end();
      throw error;
    }
    this.#idle.push(thread);
    if (reply.ok) return reply.value;
    throw toError(reply);
  }
}

function toError({ name, message, stack, code }: Extract<CallReply, { ok: false }>): Error {
  const error = new Error(message);
  return Object.assign(error, { name, stack }, code === undefined ? undefined : { code });
}
