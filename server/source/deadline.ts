import type { Clock, Timer } from '../async/clock.js';
import { ownerOf } from '../async/owner.js';
import { timedOut } from './source-error.js';

/** The time that a piece of work may take. It stands still while the work waits for its turn. Milliseconds. */
export interface Deadline {
  /** Whether the time is up, or the owner's signal aborted. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason: unknown;
  /** Whether it aborted because the time was up. */
  readonly expired: boolean;
  /** Aborts with it, for those who take nothing else: made when it is first asked for. */
  readonly signal: AbortSignal;
  readonly left: number;
  /** How long the work may still wait for its turn: in all as long as it may take itself. */
  readonly patience: number;
  /** Calls `listener` once when it aborts; one that aborted before calls nobody. */
  onAbort(listener: () => void): void;
  offAbort(listener: () => void): void;
  /** Stops the time. */
  hold(): void;
  /** Lets it go on. */
  go(): void;
  /** From now on there are so many ms. After the end it changes nothing. */
  restart(timeout: number): void;
  /** Lets go of the timer and of the owner's signal. */
  end(): void;
}

export interface DeadlineOptions {
  /** What takes the time, for the reason. */
  label: string;
  timeout: number;
  /** The signal of the owner. */
  owner: AbortSignal;
  clock: Clock;
}

/** The time begins at once. */
export function startDeadline(options: DeadlineOptions): Deadline {
  return new RunningDeadline(options);
}

/** A class, and without a signal unless somebody needs one: every request of every source has a deadline. */
class RunningDeadline implements Deadline {
  aborted = false;
  reason: unknown;
  expired = false;
  patience: number;
  readonly #label: string;
  readonly #clock: Clock;
  readonly #leaveOwner: () => void;
  readonly #listeners = new Set<() => void>();
  #limit: number;
  /** Since when the time runs, or stands still. */
  #since: number;
  /** What was left then. */
  #left: number;
  #timer: Timer | undefined;
  #controller: AbortController | undefined;
  #ended = false;

  constructor({ label, timeout, owner, clock }: DeadlineOptions) {
    this.#label = label;
    this.#clock = clock;
    this.#limit = timeout;
    this.#left = timeout;
    this.patience = timeout;
    this.#since = clock.elapsed();
    this.#run();
    this.#leaveOwner = this.#follow(owner);
  }

  get left(): number {
    return this.#timer ? this.#left - (this.#clock.elapsed() - this.#since) : this.#left;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  onAbort(listener: () => void): void {
    this.#listeners.add(listener);
  }

  offAbort(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  hold(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = this.#clock.elapsed();
    this.#left -= now - this.#since;
    this.#since = now;
  }

  go(): void {
    const now = this.#clock.elapsed();
    this.patience -= now - this.#since;
    this.#since = now;
    this.#run();
  }

  restart(timeout: number): void {
    if (this.#ended) return;
    this.#timer?.cancel();
    this.#limit = timeout;
    this.#left = timeout;
    this.#since = this.#clock.elapsed();
    this.#run();
  }

  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#leaveOwner();
  }

  #run(): void {
    if (this.#ended || this.aborted) return;
    this.#timer = this.#clock.after(this.#left, () => {
      this.expired = !this.aborted;
      this.#abort(timedOut(this.#label, this.#limit));
    });
  }

  /** A task tells at less cost than its signal does. */
  #follow(owner: AbortSignal): () => void {
    const task = ownerOf(owner);
    if (task) return task.onStop((reason) => this.#abort(reason));
    const callOff = () => this.#abort(owner.reason);
    if (owner.aborted) callOff();
    owner.addEventListener('abort', callOff);
    return () => owner.removeEventListener('abort', callOff);
  }

  #abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners) listener();
    this.#controller?.abort(reason);
  }
}
