import type { Registry } from 'prom-client';
import type { Distribution } from '../async/distribution.js';
import type { BatchStats, StreamCounts, TemplateCounts, UrlCounts, UrlStats } from '../source/readings.js';
import { addFamily, addSingle } from './families.js';

/** What became of the fetches of all sources. Totals only ever grow. */
export interface SourcesReading {
  fetches: number;
  failures: number;
  fetchDurations: Readonly<Distribution>;
  urls: readonly (UrlStats & { topic: string })[];
  streams: StreamCounts;
  /** Of each configured topic with `{parameters}`. */
  templates: readonly TemplateCounts[];
  /** Of each configured topic with a `batch`. */
  batches: readonly (BatchStats & { topic: string })[];
}

export function addSourceMetrics(registry: Registry, read: () => SourcesReading): void {
  function single(name: string, help: string, value: (reading: SourcesReading) => number): void {
    addSingle(registry, name, help, () => value(read()));
  }
  function ofUrls(key: keyof UrlCounts, help: string): void {
    const labels = ['topic', 'name', 'url'];
    addFamily(registry, `url_${key}_total`, `${help}, by URL of a source that asks several`, labels, () =>
      read().urls.map(({ topic, name, label, [key]: total }) => [total, { topic, name, url: label }]),
    );
  }
  function ofBatches(name: string, help: string, value: (batch: BatchStats) => number): void {
    addFamily(registry, `batch_${name}`, `${help}, by topic with a batch`, ['topic'], () =>
      read().batches.map((batch) => [value(batch), { topic: batch.topic }]),
    );
  }
  function ofTemplates(name: string, help: string, value: (template: TemplateCounts) => number): void {
    addFamily(registry, `template_${name}`, `${help}, by template`, ['template'], () =>
      read().templates.map((template) => [value(template), { template: template.pattern }]),
    );
  }

  single('fetches_total', 'Fetches of all sources', ({ fetches }) => fetches);
  single('fetch_failures_total', 'Fetches that failed', ({ failures }) => failures);
  ofUrls('wins', 'Answers that were used');
  ofUrls('losses', 'Requests aborted because others had decided the matter');
  ofUrls('failures', 'Requests that brought no good answer');
  ofUrls('hedges', 'Requests begun because the one before was slow');
  ofUrls('disputes', 'Answers that others contradicted, where agreement was asked for');
  single('streams_connected', 'Sources that push and are connected', ({ streams }) => streams.connected);
  single('stream_connects_total', 'Connections of sources that push', ({ streams }) => streams.connects);
  single(
    'stream_failures_total',
    'Connections that broke, ended or never stood',
    ({ streams }) => streams.failures,
  );
  single('stream_messages_total', 'Messages that went to a topic', ({ streams }) => streams.messages);
  single('stream_faults_total', 'Messages that were no good', ({ streams }) => streams.faults);
  ofBatches('requests_total', 'Requests made for many topics at once', ({ requests }) => requests);
  ofBatches('failures_total', 'Requests that brought no answer', ({ failures }) => failures);
  ofBatches('instances', 'Topics that are asked for at intervals', ({ instances }) => instances);
  ofBatches('missing', 'Topics that the last answer left out', ({ missing }) => missing);
  ofTemplates('instances', 'Topics that there are', ({ live }) => live);
  ofTemplates('idle_instances', 'Topics that nobody watches or waits for', ({ idle }) => idle);
  ofTemplates('evictions_total', 'Idle topics closed to make room', ({ evictions }) => evictions);
  ofTemplates('refusals_total', 'Topics refused for want of room', ({ refusals }) => refusals);
}
