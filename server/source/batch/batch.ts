import { HeadwaterError } from '../../../shared/errors.js';
import type { Clock } from '../../async/clock.js';
import { LINGER } from '../demand.js';
import type { BatchStats } from '../readings.js';
import type { Source } from '../source.js';
import type { InstanceStarter, Parameters } from '../template/instance.js';
import type { BatchContext, RecordTransform } from './context.js';
import { createLine, type Line } from './line.js';
import { type Desk, Member } from './member.js';
import { createPhases } from './phases.js';
import { batchUrl } from './url.js';

export interface BatchOptions {
  /** Where the answers come from, with `{parameters}`: `https://api.example/prices?symbols={symbol}`. */
  url: string;
  /** The parameter of which one request names many: `symbol`. Instances that differ in others share no request. */
  parameter: string;
  /** What goes between two names in the URL, as it is. */
  join: string;
  /** How many instances one request may ask for. */
  max: number;
  /** In an answer that is a list: the field that names a record's instance, or a JSON Pointer to it. */
  by?: string | undefined;
  /** Makes a source of a URL of which the parameters have been filled in, given what the others stand for. Must not throw. */
  source: (url: string, others: Parameters) => Source;
  /** Makes the value of a topic of its record; default: that is the record. */
  transform?: RecordTransform | undefined;
  /** Milliseconds from one request for an instance to the next. */
  every: number;
  /** How old, in ms, what is read may be before it is asked for anew; default `every`. */
  maxAge?: number | undefined;
  /** `subscribed`: an instance is asked for only while there is demand for it. */
  when: 'always' | 'subscribed';
  /** Milliseconds that a `subscribed` instance is asked for after its last subscriber left; default 30,000. */
  linger?: number | undefined;
  /** Milliseconds that a request may take before it is aborted; default 30,000. A source may have a shorter bound of its own. */
  timeout?: number | undefined;
  clock: Clock;
  /** Hears of every request that failed, and of every record of which no value could be made. */
  onError?: ((error: unknown) => void) | undefined;
  /** 0 to 1, for backoff; default `Math.random`. */
  random?: (() => number) | undefined;
}

/** Serves the instances of a template with few requests for many. */
export interface Batch extends InstanceStarter {
  readonly stats: Readonly<BatchStats>;
}

interface OpenLine {
  readonly line: Line;
  readonly desk: Desk;
  members: number;
}

const TIMEOUT = 30_000;

/**
 * Asks for all instances that are wanted, up to `max` in a request and with URLs below 8,000 bytes, each once an
 * interval; the requests are spread evenly over it. Every instance gets its record: one that the answer leaves out is
 * stale alone, while a request that fails makes all stale for whom it was. A topic whose record is as before is only
 * `checked`.
 */
export function startBatch(options: BatchOptions): Batch {
  const { url: template, parameter, join, every, maxAge = every } = options;
  const { timeout = TIMEOUT, linger = LINGER, random = Math.random } = options;
  const stats: BatchStats = { requests: 0, failures: 0, instances: 0, missing: 0 };
  const context: Omit<BatchContext, 'source'> = {
    every,
    maxAge,
    when: options.when,
    linger,
    timeout,
    max: options.max,
    by: options.by,
    clock: options.clock,
    random,
    onError: options.onError,
    transform: options.transform,
    phases: createPhases(every),
    stats,
    open: new Set(),
  };
  /** By what the other parameters stand for. One without members is gone. */
  const lines = new Map<string, OpenLine>();

  function openLine(key: string, others: Parameters): OpenLine {
    const line = createLine(batchUrl({ template, parameter, others, join }), {
      ...context,
      source: (url) => options.source(url, others),
    });
    const entry: OpenLine = { line, members: 0, desk: { ...line, dismiss } };
    lines.set(key, entry);
    function dismiss(member: Member): void {
      line.dismiss(member);
      entry.members -= 1;
      if (entry.members > 0) return;
      line.close();
      lines.delete(key);
    }
    return entry;
  }

  return {
    stats,
    start({ topic, parameters }) {
      const { [parameter]: name, ...others } = parameters;
      // One segment of a topic each.
      const key = Object.values(others).join('/');
      const entry = lines.get(key) ?? openLine(key, others);
      entry.members += 1;
      return new Member(name!, topic, entry.desk, context);
    },
    async close() {
      for (const { line } of lines.values()) line.close();
      const stopping = new HeadwaterError('aborted', 'the request was called off: the server stops');
      const open = [...context.open];
      for (const ask of open) ask.abort(stopping);
      await Promise.all(open.map(({ done }) => done));
    },
  };
}
