/** How long the last answers took. */
export interface Latencies {
  /** Milliseconds. */
  add(duration: number): void;
  /** What 95 of 100 answers stayed within, in ms; `undefined` while there are too few to say. */
  p95(): number | undefined;
}

const KEPT = 100;
const ENOUGH = 10;

export function createLatencies(): Latencies {
  const kept: number[] = [];
  let next = 0;
  return {
    add(duration) {
      kept[next] = duration;
      next = (next + 1) % KEPT;
    },
    p95() {
      if (kept.length < ENOUGH) return undefined;
      const sorted = kept.toSorted((a, b) => a - b);
      return sorted[Math.ceil(sorted.length * 0.95) - 1];
    },
  };
}
