import { type Clock, systemClock } from './clock.js';
import {
  AsyncError,
  CancelledError,
  ExceptionGroup,
  isAbortError,
  toCancelled,
  withoutStack,
} from './errors.js';
import { claim, onStop, ownerOf, type Stop } from './owner.js';
import { deregister, register } from './registry.js';
import type { Runnable, Task, TaskOptions, TaskState, Work } from './task.js';

type Outcome<T> = { state: 'done'; value: T } | { state: 'failed' | 'cancelled'; error: unknown };

let lastId = 0;

/** What every task is inside: it begins once, ends once, and ends only after all that it owns has ended. */
export class RunningTask<T> implements Task<T> {
  readonly id = ++lastId;
  readonly name: string;
  readonly owner: RunningTask<unknown> | undefined;
  readonly clock: Clock;
  readonly startedAt: number;
  state: TaskState = 'pending';

  readonly #controller = new AbortController();
  #shielded: boolean;
  readonly #children = new Set<RunningTask<unknown>>();
  readonly #stops = new Set<Stop>();
  // Few tasks need the following two, and every request has a task.
  #listeners: Set<() => void> | undefined;
  /** Children that failed and whose error nobody has looked at. */
  #unheard: Set<RunningTask<unknown>> | undefined;
  #heard = false;
  #ignoreSignal: () => void = () => {};
  /** What the work came to; the task ends with it once its children have ended. */
  #outcome: Outcome<T> | undefined;
  readonly #startedAtElapsed: number;
  #endedAtElapsed: number | undefined;
  #promise: Promise<T> | undefined;
  #settle: () => void = () => {};

  /** A task that waits to `begin`. `shielded`: see {@link RunningTask.shield}. */
  constructor(options: TaskOptions, fallbackName: string, shielded = false) {
    const owner = ownerOf(options.signal);
    if (owner?.workEnded) {
      throw new AsyncError(
        'owner_ended',
        `Nothing can be started under task "${owner.name}": its work has ended.`,
      );
    }
    this.name = options.name ?? (fallbackName || `task-${this.id}`);
    this.owner = owner;
    this.clock = options.clock ?? owner?.clock ?? systemClock;
    this.startedAt = this.clock.now();
    this.#startedAtElapsed = this.clock.elapsed();
    this.#shielded = shielded;
    claim(this.#controller.signal, this);
    register(this);
    if (owner) {
      owner.#children.add(this);
      if (owner.signal.aborted && !shielded) this.cancel(owner.signal.reason);
    } else if (!shielded) {
      this.#ignoreSignal = onStop(options.signal, (reason) => this.cancel(reason));
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cancelling(): boolean {
    return this.signal.aborted;
  }

  get age(): number {
    return (this.#endedAtElapsed ?? this.clock.elapsed()) - this.#startedAtElapsed;
  }

  /** Runs `work` at the next microtask, unless the task was cancelled by then. */
  begin(work: Work<T>): this {
    queueMicrotask(() => {
      if (this.signal.aborted) return this.#workFailed(this.signal.reason);
      try {
        Promise.resolve(work(this.signal)).then(
          (value) => this.#workEnded({ state: 'done', value }),
          (error: unknown) => this.#workFailed(error),
        );
      } catch (error) {
        this.#workFailed(error);
      }
    });
    return this;
  }

  /** Starts work as a child, or adopts a task, and looks after its failure. */
  take<U>(runnable: Runnable<U>): RunningTask<U> {
    let child: RunningTask<U>;
    if (typeof runnable === 'function') {
      child = new RunningTask<U>({ signal: this.signal }, runnable.name).begin(runnable);
    } else {
      child = running(runnable);
      this.adopt(child);
    }
    child.hear();
    return child;
  }

  /** Cancels and awaits a task, beside its owner, as if it had been started here. */
  adopt(task: RunningTask<unknown>): void {
    if (task.state !== 'pending') return;
    this.#children.add(task);
    task.onEnd(() => this.#childEnded(task));
    if (this.signal.aborted) task.cancel(this.signal.reason);
  }

  cancel(reason?: unknown): boolean {
    if (this.#outcome) return false;
    if (this.signal.aborted) return true;
    const error = toCancelled(reason, `Task "${this.name}"`);
    this.#controller.abort(error);
    this.#stopAll(error);
    return true;
  }

  /** From now on its owner awaits it and does not cancel it; its own `cancel` still does. */
  shield(): void {
    this.#shielded = true;
    this.#ignoreSignal();
  }

  /** Somebody looks after this task's failure, so that the owner need not. */
  hear(): void {
    this.#heard = true;
    if (this.owner) this.owner.#unheard?.delete(this);
  }

  /** Calls `listener` once when the task ends, or at once if it has. The function returned calls it off. */
  onEnd(listener: () => void): () => void {
    if (this.state === 'pending') {
      this.#listeners ??= new Set();
      this.#listeners.add(listener);
    } else listener();
    return () => this.#listeners?.delete(listener);
  }

  /** See `onStop` in owner.ts. */
  onStop(stop: Stop): () => void {
    if (this.signal.aborted) stop(this.signal.reason);
    else if (this.#outcome) stop(this.#endReason());
    else this.#stops.add(stop);
    return () => this.#stops.delete(stop);
  }

  get workEnded(): boolean {
    return this.#outcome !== undefined;
  }

  get childCount(): number {
    return this.#children.size;
  }

  /** Resolves when the children there are now have ended. */
  async childrenEnded(): Promise<void> {
    await Promise.all(
      [...this.#children].map((child) => new Promise<void>((resolve) => child.onEnd(resolve))),
    );
  }

  result(): T {
    const outcome = this.#ended();
    this.hear();
    if (outcome.state === 'done') return outcome.value;
    throw outcome.error;
  }

  exception(): unknown {
    const outcome = this.#ended();
    this.hear();
    if (outcome.state === 'cancelled') throw outcome.error;
    return outcome.state === 'failed' ? outcome.error : undefined;
  }

  // biome-ignore lint/suspicious/noThenProperty: a task is awaitable by design.
  then<A = T, B = never>(
    onDone?: ((value: T) => A | PromiseLike<A>) | null,
    onFailed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.hear();
    this.#promise ??= this.#makePromise();
    return this.#promise.then(onDone, onFailed);
  }

  #makePromise(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#settle = () => {
        const outcome = this.#ended();
        if (outcome.state === 'done') resolve(outcome.value);
        else reject(outcome.error);
      };
      if (this.state !== 'pending') this.#settle();
    });
  }

  #ended(): Outcome<T> {
    if (this.state === 'pending' || !this.#outcome) {
      throw new AsyncError('invalid_state', `Task "${this.name}" has no result yet; await it first.`);
    }
    return this.#outcome;
  }

  #workFailed(error: unknown): void {
    const cancelled = error instanceof CancelledError || (this.signal.aborted && isAbortError(error));
    if (!cancelled) this.#workEnded({ state: 'failed', error });
    else this.#workEnded({ state: 'cancelled', error: this.signal.aborted ? this.signal.reason : error });
  }

  #workEnded(outcome: Outcome<T>): void {
    this.#outcome = outcome;
    if (this.#stops.size > 0 || this.#children.size > 0) this.#stopAll(this.#endReason());
    this.#endWhenAlone();
  }

  #endReason(): CancelledError {
    // Its stack would lead nowhere: it is made where a promise settles.
    return withoutStack(() => new CancelledError(`Task "${this.name}", which owned the work, has ended.`));
  }

  #stopAll(reason: CancelledError): void {
    for (const stop of this.#stops) stop(reason);
    this.#stops.clear();
    for (const child of this.#children) if (!child.#shielded) child.cancel(reason);
  }

  #childEnded(child: RunningTask<unknown>): void {
    this.#children.delete(child);
    this.#endWhenAlone();
  }

  #endWhenAlone(): void {
    if (!this.#outcome || this.#children.size > 0 || this.state !== 'pending') return;
    this.#outcome = this.#withUnheard(this.#outcome);
    this.state = this.#outcome.state;
    this.#endedAtElapsed = this.clock.elapsed();
    this.#ignoreSignal();
    deregister(this);
    for (const listener of this.#listeners ?? []) listener();
    this.#listeners = undefined;
    this.#settle();
    if (this.state === 'failed' && !this.#heard) this.#surface();
    if (this.owner) this.owner.#childEnded(this);
  }

  /** The outcome, with the failures of children that nobody looked at. */
  #withUnheard(outcome: Outcome<T>): Outcome<T> {
    if (!this.#unheard || this.#unheard.size === 0) return outcome;
    const errors: unknown[] = outcome.state === 'failed' ? [outcome.error] : [];
    for (const child of this.#unheard)
      if (child.#outcome?.state === 'failed') errors.push(child.#outcome.error);
    return { state: 'failed', error: new ExceptionGroup(`Unhandled errors in task "${this.name}"`, errors) };
  }

  /** Hands a failure that nobody looks at to the owner; without one, the runtime reports an unhandled rejection. */
  #surface(): void {
    const { owner } = this;
    if (owner) {
      owner.#unheard ??= new Set();
      owner.#unheard.add(this);
    } else this.#promise ??= this.#makePromise();
  }
}

/** The runnables as a list, before anything is started. Throws a TypeError where one of them cannot be run. */
export function runnablesOf<R extends Runnable<unknown>>(runnables: Iterable<R>): R[] {
  const list = [...runnables];
  for (const runnable of list) if (typeof runnable !== 'function') running(runnable);
  return list;
}

/** The inside of a task. Throws a TypeError for what is none. */
export function running<T>(task: Task<T>): RunningTask<T> {
  if (task instanceof RunningTask) return task;
  throw new TypeError('Expected a function or a task of this library; a promise cannot be cancelled.');
}
