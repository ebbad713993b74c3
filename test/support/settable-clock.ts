import { type ManualClock, manualClock } from '../../server/async/manual-clock.js';

/** A manual clock whose time of day somebody sets back. */
export interface SettableClock extends ManualClock {
  setBack(milliseconds: number): void;
}

export function settableClock(start?: number): SettableClock {
  const clock = manualClock(start);
  let lost = 0;
  return {
    ...clock,
    now: () => clock.now() - lost,
    setBack(milliseconds) {
      lost += milliseconds;
    },
  };
}
