import type { Clock, Timer } from '../../async/clock.js';
import { timedOut } from '../source-error.js';

/** The time that a fetch may take. It stands still while a request of it waits for its turn. Milliseconds. */
export interface Deadline {
  /** Aborts when the time is up, or with the signal of the owner. */
  readonly signal: AbortSignal;
  /** Whether it aborted because the time was up. */
  readonly expired: boolean;
  readonly left: number;
  /** How long a request may still wait for its turn: in all as long as the fetch itself may take. */
  readonly patience: number;
  /** Stops the time. */
  hold(): void;
  /** Lets it go on. */
  go(): void;
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
  let left = timeout;
  let patience = timeout;
  let since = clock.now();
  let expired = false;
  let timer: Timer | undefined = clock.after(left, expire);

  function expire(): void {
    expired = !controller.signal.aborted;
    controller.abort(timedOut(label, timeout));
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
    end() {
      timer?.cancel();
      owner.removeEventListener('abort', callOff);
    },
  };
}
