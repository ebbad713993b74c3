import { type ManualClock, manualClock } from '../../server/async/manual-clock.js';

/** A manual clock whose time of day somebody sets. */
export interface SettableClock extends ManualClock {
  setBack(milliseconds: number): void;
  setForth(milliseconds: number): void;
}

export function settableClock(start?: number): SettableClock {
  const clock = manualClock(start);
  let ahead = 0;
  return {
    ...clock,
    now: () => clock.now() + ahead,
    setBack(milliseconds) {
      ahead -= milliseconds;
    },
    setForth(milliseconds) {
      ahead += milliseconds;
    },
  };
}
