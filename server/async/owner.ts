import { type CancelledError, toCancelled } from './errors.js';
import type { RunningTask } from './running-task.js';

/** Called once when work under a signal has to stop: the signal was aborted, or the task it belongs to ended. */
export type Stop = (reason: CancelledError) => void;

/** Everything that waits on a signal which belongs to no task, behind one listener. */
interface Watch {
  readonly stops: Set<Stop>;
  readonly fire: () => void;
}

/** A property on the signal rather than a WeakMap of signals: that would double what garbage collection costs a task. */
const OWNER = Symbol('owner');
type OwnedSignal = AbortSignal & { [OWNER]?: RunningTask<unknown> };

const watches = new WeakMap<AbortSignal, Watch>();

/** Says that `signal` is the one that `task` hands to its work. */
export function claim(signal: AbortSignal, task: RunningTask<unknown>): void {
  (signal as OwnedSignal)[OWNER] = task;
}

/** The task whose work was given `signal`, if any. */
export function ownerOf(signal: AbortSignal | undefined): RunningTask<unknown> | undefined {
  return (signal as OwnedSignal | undefined)?.[OWNER];
}

/**
 * Calls `stop` when `signal` is aborted or its task ends, at once if that has happened; the function returned calls
 * it off. A signal gets one listener, however many wait on it: Node warns of a leak beyond ten.
 */
export function onStop(signal: AbortSignal | undefined, stop: Stop): () => void {
  if (!signal) return () => {};
  const owner = ownerOf(signal);
  if (owner) return owner.onStop(stop);
  if (signal.aborted) {
    stop(toCancelled(signal.reason, 'The work'));
    return () => {};
  }
  const watch = watches.get(signal) ?? startWatch(signal);
  watch.stops.add(stop);
  return () => {
    watch.stops.delete(stop);
    if (watch.stops.size > 0 || watches.get(signal) !== watch) return;
    watches.delete(signal);
    signal.removeEventListener('abort', watch.fire);
  };
}

function startWatch(signal: AbortSignal): Watch {
  const stops = new Set<Stop>();
  const fire = () => {
    watches.delete(signal);
    const reason = toCancelled(signal.reason, 'The work');
    for (const stop of stops) stop(reason);
    stops.clear();
  };
  signal.addEventListener('abort', fire, { once: true });
  const watch = { stops, fire };
  watches.set(signal, watch);
  return watch;
}
