import { z } from 'zod';
import type { Finding } from './findings.js';
import type { ConfigPath } from './problem.js';
import * as scalar from './scalar.js';

const text = scalar.text;

/** What all sources and sinks in Redis share, unless they have a `url` of their own. */
export const redisSchema = z.strictObject({ url: scalar.redisUrl() });

/** A value in Redis that a source reads: one of `key`, `hash`, `stream` and `channel`. */
export const redisSourceSchema = z
  .strictObject({
    /** Default: `redis.url` of the whole configuration. */
    url: scalar.redisUrl().optional(),
    key: text('the name of a key').optional(),
    hash: text('the name of a hash').optional(),
    /** Only this field of the hash. */
    field: text('the name of a field').optional(),
    stream: text('the name of a stream').optional(),
    /** How many of the newest entries of the stream; default 100. */
    count: scalar.integer(1, 100_000).optional(),
    channel: text('the name of a channel').optional(),
  })
  .check(({ value, issues }) => {
    if (issues.length > 0) return;
    issues.push(
      ...oneOf(value, ['key', 'hash', 'stream', 'channel']),
      ...belongs(value, 'field', 'hash'),
      ...belongs(value, 'count', 'stream'),
    );
  });

/** Where a sink writes in Redis: one of `key`, `hash` with `field`, and `stream`. */
export const redisSinkSchema = z
  .strictObject({
    url: scalar.redisUrl().optional(),
    key: text('the name of a key').optional(),
    /** How long the key outlives the last write, in ms; default: for ever. */
    ttl: scalar.duration(1).optional(),
    hash: text('the name of a hash').optional(),
    field: text('the name of a field').optional(),
    stream: text('the name of a stream').optional(),
    /** About how many entries the stream keeps; default 1000. */
    cap: scalar.integer(1, Number.MAX_SAFE_INTEGER).optional(),
  })
  .check(({ value, issues }) => {
    if (issues.length > 0) return;
    issues.push(
      ...oneOf(value, ['key', 'hash', 'stream']),
      ...belongs(value, 'field', 'hash'),
      ...belongs(value, 'ttl', 'key'),
      ...belongs(value, 'cap', 'stream'),
    );
    if (value.hash !== undefined && value.field === undefined)
      issues.push({ code: 'custom', message: 'the name of a field', path: ['field'], input: undefined });
  });

/** Exactly one of the keys is there. */
export function oneOf<Key extends string>(
  value: { readonly [key in Key]?: unknown },
  keys: readonly Key[],
): z.core.$ZodRawIssue[] {
  const present = keys.filter((key) => value[key] !== undefined);
  if (present.length === 1) return [];
  const found = present.length === 0 ? '' : `, not ${present.join(' and ')} at once`;
  return [{ code: 'custom', message: `one of ${keys.join(', ')}${found}`, input: value }];
}

function belongs<Key extends string>(
  value: { readonly [key in Key]?: unknown },
  key: Key,
  other: Key,
): z.core.$ZodRawIssue[] {
  if (value[key] === undefined || value[other] !== undefined) return [];
  return [{ code: 'custom', message: `no ${key} without ${other}`, path: [key], input: value[key] }];
}

/** Finds the uses of Redis that no URL belongs to, in a configuration as it was written. */
export function findRedisWithoutUrl(input: unknown): Finding[] {
  const { redis, sources } = (input ?? {}) as { redis?: unknown; sources?: unknown };
  if (redis !== undefined || !Array.isArray(sources)) return [];
  const places = (sources as (SourceShape | null)[]).flatMap((source, index) => [
    { path: ['sources', index, 'fetch', 'redis', 'url'], redis: source?.fetch?.redis },
    ...(Array.isArray(source?.sinks) ? source.sinks : []).map((sink, at) => ({
      path: ['sources', index, 'sinks', at, 'redis', 'url'],
      redis: sink?.redis,
    })),
  ]);
  return places
    .filter((place) => typeof place.redis === 'object' && place.redis !== null && !('url' in place.redis))
    .map(({ path }): { path: ConfigPath; message: string } => ({
      path,
      message: 'found nothing, expected a URL such as redis://localhost:6379, here or for all as redis.url',
    }));
}

/** What may stand there; it has not been checked yet. */
interface SourceShape {
  fetch?: { redis?: unknown } | null;
  sinks?: readonly ({ redis?: unknown } | null)[];
}
