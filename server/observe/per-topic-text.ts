import type { TopicReading } from './topic-metrics.js';

/** Further topics are counted together, as {@link OTHER}. */
const LABELLED_TOPICS = 1_000;
/** No topic can be called that. */
const OTHER = '(other)';

/** One metric of each topic. */
interface TopicMetric {
  name: string;
  help: string;
  /** `undefined`: the topic has no such thing. */
  value: (topic: TopicReading) => number | undefined;
  /** What two topics have together. */
  together: (one: number, another: number) => number;
}

const sum = (one: number, another: number) => one + another;

const METRICS: readonly TopicMetric[] = [
  {
    name: 'version',
    help: 'The version that subscribers get',
    value: ({ version }) => version,
    together: sum,
  },
  {
    name: 'subscribers',
    help: 'Subscriptions and waiting long-polls',
    value: ({ subscribers }) => subscribers,
    together: sum,
  },
  {
    name: 'age_seconds',
    help: 'Time since the value was last known to be right',
    value: ({ age }) => (age === undefined ? undefined : age / 1000),
    together: Math.max,
  },
  {
    name: 'stale',
    help: '1 while its source fails',
    value: ({ stale }) => (stale ? 1 : 0),
    together: sum,
  },
];

/**
 * A few metrics of each topic, in the Prometheus text format 0.0.4: the topics that come first by name, the others
 * together. Written here, because prom-client takes five times as long over thousands of series.
 */
export function perTopicText(topics: readonly TopicReading[]): string {
  return METRICS.map((metric) => familyText(metric, topics)).join('\n\n');
}

function familyText({ name, help, value, together }: TopicMetric, topics: readonly TopicReading[]): string {
  const full = `headwater_topic_${name}`;
  const lines = [`# HELP ${full} ${help}, by topic`, `# TYPE ${full} gauge`];
  let others: number | undefined;
  for (const [index, topic] of topics.entries()) {
    const found = value(topic);
    if (found === undefined) continue;
    // The alphabet of topics has nothing to escape.
    if (index < LABELLED_TOPICS) lines.push(`${full}{topic="${topic.topic}"} ${found}`);
    else others = others === undefined ? found : together(others, found);
  }
  if (others !== undefined) lines.push(`${full}{topic="${OTHER}"} ${others}`);
  return lines.join('\n');
}
