import type { Json } from '../../../shared/json.js';
import type { Clock } from '../../async/clock.js';
import type { UrlCounts } from '../readings.js';
import type { Source } from '../source.js';
import { createLatencies, type Latencies } from './latencies.js';

/** One URL of a strategy: its source, what it gave last, how fast it is and how it fared. */
export interface Member {
  /** Its key or index in the configuration. */
  readonly name: string;
  /** Without secrets. */
  readonly label: string;
  readonly counts: UrlCounts;
  readonly latencies: Latencies;
  /** Whether its last request that came to an end failed. */
  readonly failing: boolean;
  /**
   * A good answer: a new one, or the last one where that still stands.
   * @throws whatever the source or `judge` throws
   */
  ask(signal: AbortSignal): Promise<Json>;
}

/** Throws what is wrong with an answer. */
export type Judge = (value: Json, label: string) => void;

export function noCounts(): UrlCounts {
  return { wins: 0, losses: 0, failures: 0, hedges: 0, disputes: 0 };
}

/** A member that asks `source` whether its own last answer still stands, whatever the topic holds meanwhile. */
export function createMember(
  name: string,
  source: Source,
  { judge, clock, counts = noCounts() }: { judge: Judge; clock: Clock; counts?: UrlCounts | undefined },
): Member {
  const { label } = source;
  const latencies = createLatencies();
  let last: Json | undefined;
  let failing = false;

  return {
    name,
    label,
    counts,
    latencies,
    get failing() {
      return failing;
    },
    async ask(signal) {
      const startedAtElapsed = clock.elapsed();
      try {
        const fetched = await source.fetch({ signal, previous: last });
        // Nothing is unchanged before there was a value.
        const value = fetched.kind === 'value' ? fetched.value : last!;
        last = value;
        judge(value, label);
        latencies.add(clock.elapsed() - startedAtElapsed);
        failing = false;
        return value;
      } catch (error) {
        if (!signal.aborted) {
          failing = true;
          counts.failures += 1;
        }
        throw error;
      }
    },
  };
}
