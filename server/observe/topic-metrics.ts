import type { Registry } from 'prom-client';
import { addFamily, addSingle, quantileSamples } from './families.js';

/** One topic. */
export interface TopicReading {
  topic: string;
  version: number;
  subscribers: number;
  /** Milliseconds since its value was last known to be right; `undefined`: it has none yet. */
  age: number | undefined;
  stale: boolean;
  /** A source serves it. */
  served: boolean;
}

/** Metrics of all topics together. */
export function addTopicMetrics(registry: Registry, read: () => readonly TopicReading[]): void {
  addSingle(registry, 'topics', 'Topics made so far', () => read().length);
  addSingle(registry, 'subscribers', 'Subscriptions and waiting long-polls of all topics together', () => {
    let sum = 0;
    for (const { subscribers } of read()) sum += subscribers;
    return sum;
  });
  addSingle(registry, 'stale_topics', 'Topics whose source fails', () => count(read(), ({ stale }) => stale));
  addFamily(
    registry,
    'data_age_seconds',
    'Time since the values of topics that have a source and a subscriber were last known to be right',
    ['quantile'],
    () => quantileSamples(watchedAges(read())),
  );
}

function* watchedAges(topics: readonly TopicReading[]): Generator<number> {
  for (const { age, served, subscribers } of topics) {
    if (age !== undefined && served && subscribers > 0) yield age;
  }
}

function count<T>(items: readonly T[], counts: (item: T) => boolean): number {
  let sum = 0;
  for (const item of items) if (counts(item)) sum += 1;
  return sum;
}
