import { z } from 'zod';
import { placeholdersIn } from '../../shared/placeholders.js';
import { isTopicPattern, parametersOf } from '../../shared/topic-pattern.js';
import { FETCH_EXPECTED } from './fetch.js';
import { exchange } from './fetch-http.js';
import type { Finding } from './findings.js';
import type { ConfigPath } from './problem.js';
import { asking, requestIssues, shaping } from './request.js';
import * as scalar from './scalar.js';

const { timeout, headers, retries, maxBytes } = exchange;

/** The `batch` of a source with `{parameters}`: one request for many of its topics. */
export const batchSchema = z
  .strictObject({
    /** The last parameter of the topic stands in it for the names of all that are asked for. */
    url: scalar.httpUrl(),
    /** What goes between two names, as it is. */
    join: scalar.text('text').default(','),
    /** How many topics one request may ask for. */
    max: scalar.integer(1, 10_000).default(100),
    /** In an answer that is a list: the field that names a record's topic, or a JSON pointer to it. */
    by: scalar.field().optional(),
    timeout,
    headers,
    retries,
    maxBytes,
    ...asking,
    select: shaping.select,
  })
  .check(({ value, issues }) => {
    if (issues.length === 0) issues.push(...requestIssues(value));
  });

/** A checked {@link batchSchema}. */
export type BatchConfig = z.output<typeof batchSchema>;

/** An entry of `sources` as it was written: nothing of it has been checked yet. */
interface SourceShape {
  topic?: unknown;
  every?: unknown;
  adaptive?: unknown;
  kind?: unknown;
  fetch?: unknown;
  batch?: unknown;
}

/** Finds the sources that do not have exactly one of `fetch` and `batch`, or a batch that they have no use for, in a configuration as it was written. */
export function findBatchMisfits(input: unknown): Finding[] {
  const sources = (input as { sources?: unknown } | null | undefined)?.sources;
  if (!Array.isArray(sources)) return [];
  return sources.flatMap((source: SourceShape | null, index): Finding[] => {
    if (typeof source !== 'object' || source === null) return [];
    if (source.batch !== undefined) return misfitsOf(source, ['sources', index]);
    if (source.fetch !== undefined) return [];
    return [{ path: ['sources', index, 'fetch'], message: `found nothing, expected ${FETCH_EXPECTED}` }];
  });
}

function misfitsOf({ topic, every, adaptive, kind, fetch, batch }: SourceShape, at: ConfigPath): Finding[] {
  const found: Finding[] = [];
  const refuse = (path: ConfigPath, what: string, expected: string) =>
    found.push({ path: [...at, ...path], message: `found ${what}, expected ${expected}` });
  if (fetch !== undefined) refuse(['batch'], 'batch beside fetch', 'one of the two');
  if (every === undefined) refuse(['every'], 'nothing', 'a duration such as 250ms, 1s, 5m or 1h, above 0');
  if (adaptive !== undefined) refuse(['adaptive'], JSON.stringify(adaptive), 'none: a batch keeps to every');
  if (kind !== undefined && kind !== 'state')
    refuse(['kind'], JSON.stringify(kind), 'state: a batch brings values');
  if (typeof topic !== 'string' || !isTopicPattern(topic)) return found;
  const name = parametersOf(topic).at(-1);
  if (name === undefined) {
    refuse(
      ['topic'],
      JSON.stringify(topic),
      'a topic with a {parameter}, whose names are put into the URL of batch',
    );
    return found;
  }
  if (typeof batch !== 'object' || batch === null) return found;
  const { url, ...rest } = batch as Record<string, unknown>;
  if (typeof url === 'string' && !placeholdersIn(url).includes(name)) {
    refuse(
      ['batch', 'url'],
      JSON.stringify(url),
      `{${name}} in it, for the names of all topics that are asked for`,
    );
  }
  const other = Object.keys(rest).find((key) => mentions(rest[key], name));
  if (other !== undefined) refuse(['batch', other], `{${name}}`, 'the names of many only in url');
  return found;
}

function mentions(value: unknown, name: string): boolean {
  if (typeof value === 'string') return placeholdersIn(value).includes(name);
  return (
    typeof value === 'object' && value !== null && Object.values(value).some((item) => mentions(item, name))
  );
}
