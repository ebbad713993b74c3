import { type Trend, trendOf } from './trend.js';

/** The memory of a server without clients, after a collection. */
export interface MemorySample {
  /** Since the soak began. */
  readonly minutes: number;
  /** What the program can reach: the JavaScript heap, and what it holds outside of it. Bytes. */
  readonly reachable: number;
  /** What the kernel counts as the process's own pages. Bytes. */
  readonly resident: number;
}

export interface Verdict {
  /** Whether it is no growth that counts: `flat`, or `creeps`. */
  readonly passed: boolean;
  /** In MB a minute. */
  readonly text: string;
}

/** What the first minutes fill tells nothing: this part of the samples. */
const WARM_UP = 0.3;
const MB = 1024 * 1024;
/**
 * Growth that is too small to fail, in bytes a minute. A crowd connects some 10,000 times a minute, so a leak of 30 bytes a
 * connection is found in what is reachable. Pages come and go by more than that.
 */
const LIMIT = { reachable: 0.25 * MB, resident: 1.5 * MB };

/** From the worst to the best. */
const FINDINGS = ['GROWS', 'UNCLEAR', 'creeps', 'flat'] as const;
type Finding = (typeof FINDINGS)[number];

/** The worse of what is found in the two. */
export function judgeSoak(samples: readonly MemorySample[]): Verdict {
  const settled = samples.slice(Math.floor(samples.length * WARM_UP));
  const trends = (['reachable', 'resident'] as const).map((kind) => {
    const trend = trendOf(settled.map((sample) => ({ x: sample.minutes, y: sample[kind] })));
    return { kind, trend, found: judgeTrend(trend, LIMIT[kind]) };
  });
  const finding = FINDINGS.find((word) => trends.some(({ found }) => found === word))!;
  const texts = trends.map(({ kind, trend }) => `${kind} ${shown(trend)}`);
  return {
    passed: finding === 'flat' || finding === 'creeps',
    text: `${finding}  ${texts.join(', ')} MB a minute`,
  };
}

/** What is surely below the limit is flat, or creeps if it is surely above 0; what is surely growth and above it grows; the rest needs a longer run. */
function judgeTrend({ slope, margin }: Trend, limit: number): Finding {
  const growth = slope - margin > 0;
  if (slope + margin <= limit) return growth ? 'creeps' : 'flat';
  return growth && slope > limit ? 'GROWS' : 'UNCLEAR';
}

function shown({ slope, margin }: Trend): string {
  return `${slope < 0 ? '' : '+'}${(slope / MB).toFixed(3)} ± ${(margin / MB).toFixed(3)}`;
}
