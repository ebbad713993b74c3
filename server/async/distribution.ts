/** How often values of which size were seen, in buckets of fixed bounds: its size never grows. */
export interface Distribution {
  /** The upper bound of each bucket, ascending; a value on a bound belongs below it. */
  readonly bounds: readonly number[];
  /** How many values fell into each bucket; the last one is for what is above all bounds. */
  readonly counts: number[];
  /** Of all values. */
  sum: number;
}

export function createDistribution(bounds: readonly number[]): Distribution {
  return { bounds, counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
}

/** Counts one value. Small ones, which are expected to be the most, are found first. */
export function record(distribution: Distribution, value: number): void {
  const { bounds, counts } = distribution;
  let bucket = 0;
  while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
  counts[bucket] = counts[bucket]! + 1;
  distribution.sum += value;
}
