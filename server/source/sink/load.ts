import type { Clock } from '../../async/clock.js';
import type { TopicWriter } from '../../store/store.js';
import type { Sink, Stored } from './sink.js';

export interface WarmStartOptions {
  sinks: readonly Sink[];
  topic: Pick<TopicWriter, 'set' | 'fail'>;
  clock: Clock;
  /** Milliseconds that loading may take; default 2,000. */
  timeout?: number;
  /** Hears of what was loaded, and of each sink that could not be. */
  onLoaded?(sink: Sink, asOf: number | undefined): void;
  onMissing?(sink: Sink): void;
  onError?(sink: Sink, error: unknown): void;
}

const TIMEOUT = 2_000;

/**
 * Gives a topic the newest value that its sinks have kept, marked stale until its source has been asked. Never rejects:
 * without anything to load the topic begins empty.
 */
export async function warmStart(options: WarmStartOptions): Promise<void> {
  const { sinks, topic, clock, timeout = TIMEOUT, onLoaded, onMissing, onError } = options;
  const controller = new AbortController();
  const timer = clock.after(timeout, () => controller.abort(new Error(`no answer within ${timeout} ms`)));
  let newest: { sink: Sink; stored: Stored } | undefined;
  await Promise.all(
    sinks.map(async (sink) => {
      if (!sink.load) return;
      try {
        const stored = await sink.load(controller.signal);
        if (!stored) onMissing?.(sink);
        else if (!newest || (stored.asOf ?? 0) > (newest.stored.asOf ?? 0)) newest = { sink, stored };
      } catch (error) {
        onError?.(sink, error);
      }
    }),
  );
  timer.cancel();
  if (!newest) return;
  const { sink, stored } = newest;
  topic.set(stored.value, stored.asOf);
  topic.fail(`loaded from ${sink.label}, not yet refreshed`);
  onLoaded?.(sink, stored.asOf);
}
