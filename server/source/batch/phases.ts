/** Spreads what happens once an interval evenly over it. */
export interface Phases {
  /** A place of its own, in ms after each multiple of the interval: the middle of the widest gap; the first gets that of `now`. */
  take(now: number): number;
  /** Gives a place back. */
  free(phase: number): void;
}

/** Nobody is moved when others come or go, so with all taken at once the widest gap is twice the narrowest. */
export function createPhases(every: number): Phases {
  /** In order. */
  const taken: number[] = [];

  return {
    take(now) {
      let before = -1;
      let widest = 0;
      for (let i = 0; i < taken.length; i++) {
        const gap = (taken[i + 1] ?? taken[0]! + every) - taken[i]!;
        if (gap > widest) {
          widest = gap;
          before = i;
        }
      }
      const phase = before === -1 ? now % every : (taken[before]! + widest / 2) % every;
      // The gap around the end of the interval may have its middle at the beginning.
      const at = before === -1 || phase < taken[before]! ? 0 : before + 1;
      taken.splice(at, 0, phase);
      return phase;
    },
    free(phase) {
      const at = taken.indexOf(phase);
      if (at !== -1) taken.splice(at, 1);
    },
  };
}
