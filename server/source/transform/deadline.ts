import { timedOut } from '../source-error.js';

/** A signal that aborts when the time is up, or with the signal of the owner. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** From now on there are so many ms. */
  restart(timeout: number): void;
  /** Lets go of the timer and of the owner's signal. */
  end(): void;
}

/** `timeout` in ms; `label` is what takes the time, for the reason. */
export function startDeadline(label: string, timeout: number, owner: AbortSignal): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const callOff = () => controller.abort(owner.reason);
  const arm = (limit: number) => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(() => controller.abort(timedOut(label, limit)), limit);
  };
  arm(timeout);
  if (owner.aborted) callOff();
  owner.addEventListener('abort', callOff);
  return {
    signal: controller.signal,
    restart: arm,
    end() {
      ended = true;
      clearTimeout(timer);
      owner.removeEventListener('abort', callOff);
    },
  };
}
