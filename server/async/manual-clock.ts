import type { Clock, Timer } from './clock.js';

/** A clock that stands still until it is told to move, for stepping timers one by one in a test. */
export interface ManualClock extends Clock {
  /** Moves time on by `duration`, firing due timers in order, each at its own time, with a turn of the event loop after each. */
  advance(duration: number): Promise<void>;
  /**
   * Moves time on to the next timer, fires it alone, and gives the event loop one turn. False, with the turn but nothing
   * fired, if no timer waits.
   */
  step(): Promise<boolean>;
  /**
   * Lets everything happen that needs no time: fires what is due now and turns the event loop until a turn sets, fires
   * and cancels no timer. Time stands still. Input and output under way is not waited for.
   */
  runUntilIdle(): Promise<void>;
  /** How many timers are waiting. */
  readonly pending: number;
}

/** Makes a {@link ManualClock} that starts at `start` (ms since the epoch, default 1,000,000). */
export function manualClock(start = 1_000_000): ManualClock {
  let now = start;
  let sequence = 0;
  /** Grows whenever a timer is set, fired or cancelled. */
  let changes = 0;
  const timers = new Map<number, { at: number; fire: () => void }>();

  function remove(id: number): void {
    if (timers.delete(id)) changes += 1;
  }

  function nextDue(limit: number): [number, { at: number; fire: () => void }] | undefined {
    let best: [number, { at: number; fire: () => void }] | undefined;
    for (const entry of timers) {
      if (entry[1].at <= limit && (!best || entry[1].at < best[1].at)) best = entry;
    }
    return best;
  }
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

  /** Fires the next timer that is due by `limit`, if any, and gives the event loop a turn. */
  async function fireNext(limit: number): Promise<boolean> {
    const due = nextDue(limit);
    if (due) {
      remove(due[0]);
      now = Math.max(now, due[1].at);
      due[1].fire();
    }
    await turn();
    return due !== undefined;
  }

  return {
    now: () => now,
    elapsed: () => now - start,
    after(delay, fire): Timer {
      const id = sequence++;
      timers.set(id, { at: now + Math.max(0, delay), fire });
      changes += 1;
      return { cancel: () => remove(id) };
    },
    async advance(duration) {
      const limit = now + duration;
      await turn();
      while (nextDue(limit)) await fireNext(limit);
      now = limit;
    },
    step: () => fireNext(Number.POSITIVE_INFINITY),
    async runUntilIdle() {
      let before: number;
      do {
        before = changes;
        await fireNext(now);
      } while (changes !== before);
    },
    get pending() {
      return timers.size;
    },
  };
}
