import type { Clock, Timer } from '../async/clock.js';
import { timedOut } from './source-error.js';

/** The time that a piece of work may take. It stands still while the work waits for its turn. Milliseconds. */
export interface Deadline {
  /** Aborts when the time is up, or with the signal of the owner. */
  readonly signal: AbortSignal;
  /** Whether it aborted because the time was up. */
  readonly expired: boolean;
  readonly left: number;
  /** How long the work may still wait for its turn: in all as long as it may take itself. */
  readonly patience: number;
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
export function startDeadline({ label, timeout, owner, clock }: DeadlineOptions): Deadline {
  const controller = new AbortController();
  let limit = timeout;
  let left = timeout;
  let patience = timeout;
  let since = clock.now();
  let expired = false;
  let ended = false;
  let timer: Timer | undefined = clock.after(left, expire);

  function expire(): void {
    expired = !controller.signal.aborted;
    controller.abort(timedOut(label, limit));
  }
  function callOff(): void {
    controller.abort(owner.reason);
  }
  if (owner.aborted) callOff();
  owner.addEventListener('abort', callOff);

  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    get left() {
      return timer ? left - (clock.now() - since) : left;
    },
    get patience() {
      return patience;
    },
    hold() {
      timer?.cancel();
      timer = undefined;
      const now = clock.now();
      left -= now - since;
      since = now;
    },
    go() {
      const now = clock.now();
      patience -= now - since;
      since = now;
      timer = clock.after(left, expire);
    },
    restart(time) {
      if (ended) return;
      timer?.cancel();
      limit = time;
      left = time;
      since = clock.now();
      timer = clock.after(left, expire);
    },
    end() {
      ended = true;
      timer?.cancel();
      owner.removeEventListener('abort', callOff);
    },
  };
}
