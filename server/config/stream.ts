import { z } from 'zod';
import type { StreamFunction } from '../source/source.js';
import { headers } from './fetch-http.js';
import type { Finding } from './findings.js';
import type { ConfigPath } from './problem.js';
import { shaping } from './request.js';
import * as scalar from './scalar.js';

/** An upstream that pushes: Server-Sent Events, or JSON lines. */
export const fetchStream = z
  .strictObject({
    stream: scalar.httpUrl(),
    /** Absent: by the content type of the answer. */
    format: scalar.oneOf('sse', 'ndjson').optional(),
    /** Only events of these names are messages; `message` stands for those without one. Absent: all. */
    events: z.array(scalar.text('the name of an event')).min(1, 'at least one name').optional(),
    headers,
    /** Until the answer begins, in ms. */
    timeout: scalar.duration(1).default(10_000),
    /** An upstream that sends nothing for so many ms is taken for dead. Absent: it may be silent. */
    idle: scalar.duration(1).optional(),
    /** A larger message ends the connection. */
    maxBytes: scalar.bytes(1).default(16 * 1024 * 1024),
    ...shaping,
  })
  .check(({ value: { format, events }, issues }) => {
    if (format === 'ndjson' && events) {
      issues.push({
        code: 'custom',
        message: 'none: JSON lines have no names',
        path: ['events'],
        input: events,
      });
    }
  });

/** Whether a function is an `async function*`. One that only returns such a generator is not seen to. */
export function isStreamFunction(value: unknown): value is StreamFunction {
  return Object.prototype.toString.call(value) === '[object AsyncGeneratorFunction]';
}

/** What may stand there; it has not been checked yet. */
interface SourceShape {
  kind?: unknown;
  every?: unknown;
  adaptive?: unknown;
  maxAge?: unknown;
  sinks?: unknown;
  fetch?: unknown;
}

/** A `fetch` that is an object. */
interface FetchShape {
  stream?: unknown;
  redis?: { stream?: unknown; channel?: unknown } | null;
}

/** Whether a source sends by itself: a stream does, and what Redis sends does as far as it is events. */
export function pushes({ kind, fetch }: SourceShape): boolean {
  if (isStreamFunction(fetch)) return true;
  if (typeof fetch !== 'object' || fetch === null) return false;
  const { stream, redis } = fetch as FetchShape;
  return stream !== undefined || (kind === 'event' && (redis?.stream ?? redis?.channel) !== undefined);
}

/** Finds the sources whose interval, kind and way of fetching do not go together, in a configuration as it was written. */
export function findPushMisfits(input: unknown): Finding[] {
  const sources = (input as { sources?: unknown } | null)?.sources;
  if (!Array.isArray(sources)) return [];
  return sources.flatMap((source: SourceShape | null, index) =>
    typeof source === 'object' && source !== null ? misfitsOf(source, ['sources', index]) : [],
  );
}

function misfitsOf(source: SourceShape, path: ConfigPath): Finding[] {
  const found: Finding[] = [];
  const refuse = (key: keyof SourceShape, expected: string) => {
    const { [key]: value } = source;
    const shown = Array.isArray(value) ? 'a list' : JSON.stringify(value);
    found.push({ path: [...path, key], message: `found ${shown ?? 'nothing'}, expected ${expected}` });
  };
  if (source.fetch === undefined) return found;
  if (pushes(source)) {
    for (const key of ['every', 'adaptive', 'maxAge'] as const) {
      if (source[key] !== undefined)
        refuse(key, 'none: the source pushes, so nothing is fetched at intervals');
    }
  } else {
    if (source.kind === 'event')
      refuse(
        'kind',
        'state: events come only from a stream, a stream or channel of Redis, or in code an async function*',
      );
    if (source.every === undefined) refuse('every', 'a duration such as 250ms, 1s, 5m or 1h, above 0');
  }
  if (source.kind === 'event' && Array.isArray(source.sinks) && source.sinks.length > 0)
    refuse('sinks', 'none: a sink keeps the value of a state topic');
  return found;
}
