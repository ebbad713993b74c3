import type { Registry } from 'prom-client';
import { addFamily, addSingle, quantileSamples, type Sample } from './families.js';

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

/** Further topics are counted together, as {@link OTHER}. */
const LABELLED_TOPICS = 1_000;
/** No topic can be called that. */
const OTHER = '(other)';

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

/** A few metrics of each topic: the oldest ones by name, the others together. */
export function addPerTopicMetrics(registry: Registry, read: () => readonly TopicReading[]): void {
  function ofTopics(name: string, help: string, value: (topic: TopicReading) => number | undefined): void {
    addFamily(registry, `topic_${name}`, `${help}, by topic`, ['topic'], function* () {
      for (const [index, topic] of read().entries()) {
        const found = value(topic);
        if (found !== undefined) yield [found, { topic: index < LABELLED_TOPICS ? topic.topic : OTHER }];
      }
    });
  }

  ofTopics('version', 'The version that subscribers get', ({ version }) => version);
  ofTopics('subscribers', 'Subscribers and waiting long-polls', ({ subscribers }) => subscribers);
  ofTopics('stale', '1 while its source fails', ({ stale }) => (stale ? 1 : 0));
  addFamily(
    registry,
    'topic_age_seconds',
    'Time since the value was last known to be right, by topic',
    ['topic'],
    () => agesOf(read()),
  );
}

/** Ages do not add up: of the others it is that of the oldest. */
function* agesOf(topics: readonly TopicReading[]): Generator<Sample> {
  let oldest: number | undefined;
  for (const [index, { topic, age }] of topics.entries()) {
    if (age === undefined) continue;
    if (index < LABELLED_TOPICS) yield [age / 1000, { topic }];
    else oldest = Math.max(oldest ?? 0, age);
  }
  if (oldest !== undefined) yield [oldest / 1000, { topic: OTHER }];
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
