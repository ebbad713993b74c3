import { Registry } from 'prom-client';
import type { HostReading, NamedPipeline, SinkCounts } from '../source/readings.js';
import {
  addConnectionMetrics,
  addDeliveryMetrics,
  type ConnectionsReading,
  type DeliveryReading,
} from './delivery-metrics.js';
import { addFamily } from './families.js';
import { histogramText } from './histogram-text.js';
import { addHostMetrics } from './host-metrics.js';
import { addLivenessMetrics, type LivenessReading } from './liveness-metrics.js';
import { perTopicText } from './per-topic-text.js';
import { processMetricsText } from './process-metrics.js';
import { addPipelineMetrics, addSinkMetrics } from './sink-metrics.js';
import { addSourceMetrics, type SourcesReading } from './source-metrics.js';
import { addStateMetrics, type StateReading } from './state-metrics.js';
import { addTopicMetrics, type TopicReading } from './topic-metrics.js';

/** What is counted elsewhere and read at each scrape. */
export interface Readings {
  connections: ConnectionsReading;
  liveness: LivenessReading;
  /** By the name of the limit, a fixed set. */
  limitHits: ReadonlyMap<string, number>;
  /** In order of making. */
  topics: readonly TopicReading[];
  hub: DeliveryReading;
  sources: SourcesReading;
  hosts: readonly HostReading[];
  sinks: SinkCounts;
  pipelines: readonly NamedPipeline[];
  state: StateReading;
}

export interface MetricsOptions {
  /** What the server is: the labels of `headwater_build_info`. */
  build: { version: string; loop: string };
  /** Whether each topic has metrics of its own. */
  perTopic: boolean;
}

export interface Metrics {
  /** In the Prometheus text format. */
  render(): Promise<{ contentType: string; text: string }>;
}

/**
 * Metrics of one server, in a registry of its own, so that two servers in a process do not mix. Labels hold what is
 * configured, nothing that clients name, unless each topic is to have its own.
 */
export function createMetrics(read: () => Promise<Readings>, { build, perTopic }: MetricsOptions): Metrics {
  const registry = new Registry();
  const labels = { ...build, node: process.versions.node };
  let readings: Readings;

  addFamily(registry, 'build_info', 'Always 1: its labels say what runs', Object.keys(labels), () => [
    [1, labels],
  ]);
  addConnectionMetrics(registry, () => readings);
  addLivenessMetrics(registry, () => readings.liveness);
  addTopicMetrics(registry, () => readings.topics);
  addDeliveryMetrics(registry, () => readings.hub);
  addSourceMetrics(registry, () => readings.sources);
  addHostMetrics(registry, () => readings.hosts);
  addSinkMetrics(registry, () => readings.sinks);
  addPipelineMetrics(registry, () => readings.pipelines);
  addStateMetrics(registry, () => readings.state);

  return {
    async render() {
      // Once a scrape: it walks all topics.
      readings = await read();
      const { hub, sources, topics } = readings;
      const parts = [
        histogramText(
          'flush_duration_seconds',
          'Time that the delivery of one flush took',
          hub.flushDurations,
        ),
        histogramText(
          'fetch_duration_seconds',
          'Time that one fetch took, with its transform and all that it waited for',
          sources.fetchDurations,
        ),
        ...(perTopic ? [perTopicText(topics)] : []),
        await registry.metrics(),
        await processMetricsText(),
      ];
      return {
        contentType: registry.contentType,
        text: parts.map((part) => `${part.trimEnd()}\n`).join('\n'),
      };
    },
  };
}
