import type { Clock, Timer } from './clock.js';

/** A clock that stands still until it is told to move, for stepping timers one by one in a test. */
export interface ManualClock extends Clock {
  /** Moves time on by `duration`, firing due timers in order, each at its own time, with a turn of the event loop after each. */
  advance(duration: number): Promise<void>;
  /** How many timers are waiting. */
  readonly pending: number;
}

/** Makes a {@link ManualClock} that starts at `start` (ms since the epoch, default 1,000,000). */
export function manualClock(start = 1_000_000): ManualClock {
  let now = start;
  let sequence = 0;
  const timers = new Map<number, { at: number; fire: () => void }>();

  function nextDue(limit: number): [number, { at: number; fire: () => void }] | undefined {
    let best: [number, { at: number; fire: () => void }] | undefined;
    for (const entry of timers) {
      if (entry[1].at <= limit && (!best || entry[1].at < best[1].at)) best = entry;
    }
    return best;
  }
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

  return {
    now: () => now,
    after(delay, fire): Timer {
      const id = sequence++;
      timers.set(id, { at: now + Math.max(0, delay), fire });
      return { cancel: () => timers.delete(id) };
    },
    async advance(duration) {
      const limit = now + duration;
      await turn();
      for (let due = nextDue(limit); due; due = nextDue(limit)) {
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].fire();
        await turn();
      }
      now = limit;
    },
    get pending() {
      return timers.size;
    },
  };
}
