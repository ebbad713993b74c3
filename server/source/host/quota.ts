/** So many requests in so much time, as a configuration says it and a meter counts it. */
export interface Quota {
  /** As it is written: `1000/day`. */
  readonly text: string;
  readonly count: number;
  /** Milliseconds. */
  readonly per: number;
}
