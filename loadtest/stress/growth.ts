import { trendOf } from './trend.js';

/** What a process held after a run of a scenario. */
export interface RunSample {
  /** Bytes, after a collection. */
  readonly reachable: number;
  /** Servers that it had started in all. */
  readonly servers: number;
}

export interface Growth {
  /** Bytes a run, beyond what its servers cost by themselves. */
  readonly slope: number;
  readonly grows: boolean;
  readonly text: string;
}

/** The first runs fill caches and are compiled; they tell nothing. */
const WARM_UP = 0.4;
/** Fewer runs after that tell nothing either: code is compiled and caches are filled for dozens of them. */
const ENOUGH = 60;
/** What the engine's own book-keeping may add, in bytes: in each run, and in all of them. */
const TOLERATED_SLOPE = 4_096;
const TOLERATED_SUM = 131_072;

/** From so many runs on growth is judged. */
export const RUNS_TO_JUDGE = Math.ceil(ENOUGH / (1 - WARM_UP));

/**
 * Whether the bytes reachable after each run keep growing by more than `serverCost` for each server that it started: what a server
 * that starts, is asked once and closes leaves, which is more than nothing where the loop policy's native code keeps something.
 * `undefined` where there are too few runs to tell.
 */
export function judgeGrowth(samples: readonly RunSample[], serverCost = 0): Growth | undefined {
  const settled = samples.slice(Math.ceil(samples.length * WARM_UP));
  if (settled.length < ENOUGH) return undefined;
  const points = settled.map(({ reachable, servers }, x) => ({ x, y: reachable - servers * serverCost }));
  const { slope } = trendOf(points);
  const grows = slope > TOLERATED_SLOPE && slope * settled.length > TOLERATED_SUM;
  return { slope, grows, text: `${slope >= 0 ? '+' : ''}${(slope / 1024).toFixed(1)} KB a run` };
}
