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
  readonly flat: boolean;
  /** In MB a minute. */
  readonly text: string;
}

/** What the first minutes fill tells nothing: this part of the samples. */
const WARM_UP = 0.3;
const MB = 1024 * 1024;
/**
 * Growth that is too small to be one, in bytes a minute. A crowd connects some 10,000 times a minute, so a leak of 30 bytes a
 * connection is found in what is reachable. Pages come and go by more than that.
 */
const FLAT = { reachable: 0.25 * MB, resident: 1.5 * MB };

/** Flat is what surely grows by less than the measure swallows; growth, what surely grows; the rest needs a longer run. */
export function judgeSoak(samples: readonly MemorySample[]): Verdict {
  const settled = samples.slice(Math.floor(samples.length * WARM_UP));
  const trends = (['reachable', 'resident'] as const).map((kind) => {
    const trend = trendOf(settled.map((sample) => ({ x: sample.minutes, y: sample[kind] })));
    return { kind, trend, found: judgeTrend(trend, FLAT[kind]) };
  });
  const finding = ['GROWS', 'UNCLEAR', 'flat'].find((word) => trends.some(({ found }) => found === word))!;
  const texts = trends.map(({ kind, trend }) => `${kind} ${shown(trend)}`);
  return { flat: finding === 'flat', text: `${finding}  ${texts.join(', ')} MB a minute` };
}

function judgeTrend({ slope, margin }: Trend, limit: number): 'flat' | 'GROWS' | 'UNCLEAR' {
  if (slope + margin <= limit) return 'flat';
  return slope - margin > 0 && slope > limit ? 'GROWS' : 'UNCLEAR';
}

function shown({ slope, margin }: Trend): string {
  return `${slope < 0 ? '' : '+'}${(slope / MB).toFixed(3)} ± ${(margin / MB).toFixed(3)}`;
}
