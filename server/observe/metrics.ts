import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type HostReading, registerHostMetrics } from './host-metrics.js';

/** What is counted elsewhere and read at each scrape. Totals only ever grow; times are milliseconds. */
export interface Readings {
  connections: number;
  topics: number;
  staleTopics: number;
  hub: {
    deliveries: number;
    bytes: number;
    encodings: number;
    conflations: number;
    gaps: number;
    congestions: number;
    drops: number;
    flushes: number;
    flushTime: number;
  };
  /** By the name of the limit, a fixed set. */
  limitHits: ReadonlyMap<string, number>;
  sources: { fetches: number; failures: number; urls: readonly UrlReading[] };
  streams: { connected: number; connects: number; failures: number; messages: number; faults: number };
  hosts: readonly HostReading[];
  sinks: { writes: number; failures: number; dropped: number; failing: number };
  state: {
    bytes: number;
    writes: number;
    writeTime: number;
    rewrites: number;
    failures: number;
    failing: boolean;
  };
  /** Of each configured topic with `{parameters}`. */
  templates: readonly TemplateReading[];
  /** Of each configured topic with a `batch`. */
  batches: readonly BatchReading[];
  /** Those that run and have a name. */
  pipelines: readonly { name: string; stages: readonly StageReading[] }[];
}

/** One configured topic with `{parameters}`. */
export interface TemplateReading {
  pattern: string;
  live: number;
  idle: number;
  evictions: number;
  refusals: number;
}

/** One configured topic with a `batch`. */
export interface BatchReading {
  topic: string;
  requests: number;
  failures: number;
  instances: number;
  missing: number;
}

/** One stage of a pipeline. */
export interface StageReading {
  stage: string;
  in: number;
  out: number;
  failures: number;
  queued: number;
  active: number;
  busy: number;
}

/** One of the URLs of a source that asks several. */
export interface UrlReading {
  topic: string;
  name: string;
  label: string;
  wins: number;
  losses: number;
  failures: number;
  hedges: number;
  disputes: number;
}

export interface Metrics {
  render(): Promise<{ contentType: string; text: string }>;
}

/** Metrics of the process. Observers that run for as long as it does fill them: one set for all servers, which could not be let go of otherwise. */
let ofProcess: Registry | undefined;

function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Metrics of one server, in a registry of its own, so that two servers in a process do not mix. Labels hold what is configured, nothing that clients name. */
export function createMetrics(read: () => Readings): Metrics {
  const registry = new Registry();
  const registers = [registry];

  function gauge(name: string, help: string, value: (readings: Readings) => number): void {
    new Gauge({
      name: `headwater_${name}`,
      help,
      registers,
      collect() {
        this.set(value(read()));
      },
    });
  }
  function counter(name: string, help: string, total: (readings: Readings) => number): void {
    new Counter({
      name: `headwater_${name}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(total(read()));
      },
    });
  }
  function urlCounter(key: Exclude<keyof UrlReading, 'topic' | 'name' | 'label'>, help: string): void {
    new Counter({
      name: `headwater_url_${key}_total`,
      help: `${help}, by URL of a source that asks several`,
      labelNames: ['topic', 'name', 'url'],
      registers,
      collect() {
        this.reset();
        for (const { topic, name, label, [key]: total } of read().sources.urls) {
          this.inc({ topic, name, url: label }, total);
        }
      },
    });
  }

  function ofBatches(name: string, help: string, value: (batch: BatchReading) => number): void {
    new (name.endsWith('_total') ? Counter : Gauge)({
      name: `headwater_batch_${name}`,
      help: `${help}, by topic with a batch`,
      labelNames: ['topic'],
      registers,
      collect() {
        this.reset();
        for (const reading of read().batches) this.inc({ topic: reading.topic }, value(reading));
      },
    });
  }

  function ofTemplates(name: string, help: string, value: (template: TemplateReading) => number): void {
    new (name.endsWith('_total') ? Counter : Gauge)({
      name: `headwater_template_${name}`,
      help: `${help}, by template`,
      labelNames: ['template'],
      registers,
      collect() {
        this.reset();
        for (const reading of read().templates) this.inc({ template: reading.pattern }, value(reading));
      },
    });
  }

  function ofStages(name: string, help: string, value: (stage: StageReading) => number): void {
    new (name.endsWith('_total') ? Counter : Gauge)({
      name: `headwater_pipeline_${name}`,
      help: `${help}, by stage of a pipeline that runs`,
      labelNames: ['pipeline', 'stage'],
      registers,
      collect() {
        this.reset();
        for (const { name: pipeline, stages } of read().pipelines)
          for (const stage of stages) this.inc({ pipeline, stage: stage.stage }, value(stage));
      },
    });
  }

  gauge('connections', 'Connections that stay: WebSocket, SSE and waiting long-polls', (r) => r.connections);
  gauge('topics', 'Topics made so far', (r) => r.topics);
  gauge('stale_topics', 'Topics whose source fails', (r) => r.staleTopics);
  counter('deliveries', 'Messages written to connections', (r) => r.hub.deliveries);
  counter('delivered_bytes', 'Bytes of the messages written to connections', (r) => r.hub.bytes);
  counter('encodings', 'Messages of topics encoded, once for all their readers', (r) => r.hub.encodings);
  counter('conflations', 'Readings caught up in one step after an outbox was full', (r) => r.hub.conflations);
  counter('gaps', 'Times a reader was told of lost events', (r) => r.hub.gaps);
  counter('congestions', 'Times an outbox became full', (r) => r.hub.congestions);
  counter(
    'drops',
    'Connections dropped for reading too slowly or showing no sign of life',
    (r) => r.hub.drops,
  );
  new Counter({
    name: 'headwater_limit_hits_total',
    help: 'Times clients ran into a limit, by its name in the configuration',
    labelNames: ['limit'],
    registers,
    collect() {
      this.reset();
      for (const [limit, total] of read().limitHits) this.inc({ limit }, total);
    },
  });
  counter('flushes', 'Flushes delivered', (r) => r.hub.flushes);
  counter('flush_seconds', 'Time spent delivering flushes', (r) => r.hub.flushTime / 1000);
  counter('fetches', 'Fetches of all sources', (r) => r.sources.fetches);
  counter('fetch_failures', 'Fetches that failed', (r) => r.sources.failures);
  urlCounter('wins', 'Answers that were used');
  urlCounter('losses', 'Requests aborted because others had decided the matter');
  urlCounter('failures', 'Requests that brought no good answer');
  urlCounter('hedges', 'Requests begun because the one before was slow');
  urlCounter('disputes', 'Answers that others contradicted, where agreement was asked for');
  gauge('streams_connected', 'Sources that push and are connected', (r) => r.streams.connected);
  counter('stream_connects', 'Connections of sources that push', (r) => r.streams.connects);
  counter('stream_failures', 'Connections that broke, ended or never stood', (r) => r.streams.failures);
  counter('stream_messages', 'Messages that went to a topic', (r) => r.streams.messages);
  counter('stream_faults', 'Messages that were no good', (r) => r.streams.faults);
  registerHostMetrics(registry, () => read().hosts);
  counter('sink_writes', 'Values written to sinks', (r) => r.sinks.writes);
  counter('sink_failures', 'Attempts to write to a sink that failed', (r) => r.sinks.failures);
  counter('sink_dropped', 'Values that a sink could not take in time', (r) => r.sinks.dropped);
  gauge('failing_sinks', 'Sinks that cannot be written to', (r) => r.sinks.failing);
  gauge('state_bytes', 'Size of the journal that topics are kept in', (r) => r.state.bytes);
  counter('state_writes', 'Flushes written to the journal', (r) => r.state.writes);
  counter('state_write_seconds', 'Time spent on that', (r) => r.state.writeTime / 1000);
  counter('state_rewrites', 'Times the journal was made anew', (r) => r.state.rewrites);
  counter('state_failures', 'Failures to keep the state', (r) => r.state.failures);
  gauge('state_failing', '1 while the state cannot be kept', (r) => (r.state.failing ? 1 : 0));
  ofBatches('requests_total', 'Requests made for many topics at once', (batch) => batch.requests);
  ofBatches('failures_total', 'Requests that brought no answer', (batch) => batch.failures);
  ofBatches('instances', 'Topics that are asked for at intervals', (batch) => batch.instances);
  ofBatches('missing', 'Topics that the last answer left out', (batch) => batch.missing);
  ofTemplates('instances', 'Topics that there are', (template) => template.live);
  ofTemplates('idle_instances', 'Topics that nobody watches or waits for', (template) => template.idle);
  ofTemplates('evictions_total', 'Idle topics closed to make room', (template) => template.evictions);
  ofTemplates('refusals_total', 'Topics refused for want of room', (template) => template.refusals);
  ofStages('in_total', 'Items taken up', (stage) => stage.in);
  ofStages('out_total', 'Items done', (stage) => stage.out);
  ofStages('failures_total', 'Items that failed', (stage) => stage.failures);
  ofStages('busy_seconds_total', 'Time spent on items', (stage) => stage.busy / 1000);
  ofStages('queued', 'Items that wait', (stage) => stage.queued);
  ofStages('active', 'Items worked on', (stage) => stage.active);

  const whole = Registry.merge([processRegistry(), registry]);
  return {
    async render() {
      return { contentType: whole.contentType, text: await whole.metrics() };
    },
  };
}
