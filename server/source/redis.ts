import { redisChannelSource } from './redis-channel.js';
import type { RedisLinks } from './redis-links.js';
import { redisStreamSource } from './redis-stream.js';
import { redisHashFieldSource, redisHashSource, redisKeySource } from './redis-string.js';
import type { Source } from './source.js';

/** What is read of a Redis: exactly one of `key`, `hash`, `stream` and `channel`. */
export type RedisSourceOptions = { url: string } & (
  | { key: string }
  | { hash: string; field?: string | undefined }
  /** `count`: how many of the newest entries. */
  | { stream: string; count: number }
  | { channel: string }
);

/**
 * A value kept in, or passing through, Redis. Every kind is asked at each interval and besides at once when Redis
 * tells of a change, as far as it does, and when it can be reached again.
 */
export function redisSource(links: RedisLinks, options: RedisSourceOptions): Source {
  if ('key' in options) return redisKeySource(links, options);
  if ('stream' in options) return redisStreamSource(links, options);
  if ('channel' in options) return redisChannelSource(links, options);
  const { field } = options;
  return field === undefined
    ? redisHashSource(links, options)
    : redisHashFieldSource(links, { ...options, field });
}
