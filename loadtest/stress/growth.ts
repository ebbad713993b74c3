import { trendOf } from './trend.js';

/** The first runs fill caches and are compiled; they tell nothing. */
const WARM_UP = 0.4;
/** Fewer runs after that tell nothing either. */
const ENOUGH = 6;
/** What the engine's own book-keeping may add, in bytes: in each run, and in all of them. */
const TOLERATED_SLOPE = 4_096;
const TOLERATED_SUM = 131_072;

/** Whether the bytes reachable after each run keep growing; `undefined` where there are too few runs to tell. */
export function judgeGrowth(reachable: readonly number[]): { grows: boolean; text: string } | undefined {
  const settled = reachable.slice(Math.ceil(reachable.length * WARM_UP));
  if (settled.length < ENOUGH) return undefined;
  const { slope } = trendOf(settled.map((y, x) => ({ x, y })));
  const grows = slope > TOLERATED_SLOPE && slope * settled.length > TOLERATED_SUM;
  return { grows, text: `${slope >= 0 ? '+' : ''}${(slope / 1024).toFixed(1)} KB a run` };
}
