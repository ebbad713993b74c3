/**
 * What sources, hosts, templates, pipelines and sinks count of themselves: declared once for those who count and those
 * who show it. Totals only grow; times are milliseconds.
 */

/** What became of the requests for one URL of a source that asks several. */
export interface UrlCounts {
  /** Answers that were used. */
  wins: number;
  /** Requests that were aborted because others had decided the matter. */
  losses: number;
  /** Requests that brought no good answer. */
  failures: number;
  /** Requests that were begun only because the one before was slow. */
  hedges: number;
  /** Answers that others contradicted, where agreement was asked for. */
  disputes: number;
}

export interface UrlStats extends UrlCounts {
  /** The key or index of the URL in the configuration. */
  readonly name: string;
  /** The URL, without secrets. */
  readonly label: string;
}

/** What became of one template so far. */
export interface TemplateCounts {
  readonly pattern: string;
  /** Instances that exist. */
  live: number;
  /** Instances that nobody watches or waits for. */
  idle: number;
  /** Idle instances that were closed to make room. */
  evictions: number;
  /** Topics that were refused for want of room. */
  refusals: number;
}

/** What a batch did so far, and how it stands. */
export interface BatchStats {
  requests: number;
  /** Requests that brought no answer that could be used. */
  failures: number;
  /** Instances that are asked for at intervals now. */
  instances: number;
  /** Instances that the last answer left out. */
  missing: number;
}

/** What became of the connections and messages of sources that push. */
export interface StreamCounts {
  /** How many are connected now. */
  connected: number;
  /** Connections that stood. */
  connects: number;
  /** Attempts that came to nothing, and connections that broke or ended. */
  failures: number;
  /** Messages that went to the topic. */
  messages: number;
  /** Messages that were no good. */
  faults: number;
}

/** What became of a request: the class of its status, or why there was none. */
export type RequestOutcome = '2xx' | '3xx' | '4xx' | '5xx' | 'failed' | 'timeout' | 'aborted';

export interface HostCounts {
  readonly requests: Record<RequestOutcome, number>;
  /** Requests that were not sent: no budget, a pause, an open circuit, no turn in time. */
  refusals: number;
  /** Requests sent once more after a failure. */
  retries: number;
  /** Times the host asked to be left alone. */
  pauses: number;
}

export type CircuitState = 'closed' | 'half-open' | 'open';

/** How a host fares right now. */
export interface HostReading extends Readonly<HostCounts> {
  host: string;
  /** Requests under way. */
  active: number;
  /** Requests that wait for their turn. */
  waiting: number;
  circuit: CircuitState;
  /** What is left of a pause that it asked for. */
  paused: number;
  budgets: readonly { budget: string; left: number }[];
}

/** What a stage of a pipeline did so far. */
export interface StageStats {
  readonly stage: string;
  /** Items taken up, and items done. */
  in: number;
  out: number;
  failures: number;
  /** Items that wait before it, and that it works on. */
  queued: number;
  active: number;
  /** Time spent on items, summed over those worked on at once. */
  busy: number;
}

/** A pipeline that runs and has a name. */
export interface NamedPipeline {
  readonly name: string;
  readonly stages: readonly Readonly<StageStats>[];
}

/** What went to sinks, of all of them. */
export interface SinkCounts {
  writes: number;
  failures: number;
  /** Values that a sink could not take in time. */
  dropped: number;
  /** Sinks that cannot be written to now. */
  failing: number;
}
