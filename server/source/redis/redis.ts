import { type Clock, systemClock } from '../../async/clock.js';
import type { Source } from '../source.js';
import { redisChannelSource } from './channel.js';
import type { RedisLinks } from './links.js';
import { redisStreamSource } from './stream.js';
import { redisHashFieldSource, redisHashSource, redisKeySource } from './string.js';

/** What is read of a Redis: exactly one of `key`, `hash`, `stream` and `channel`. */
export interface RedisSourceOptions {
  url: string;
  key?: string | undefined;
  hash?: string | undefined;
  /** Only this one of the hash. */
  field?: string | undefined;
  stream?: string | undefined;
  /** How many of the newest entries of the stream; default 100. */
  count?: number | undefined;
  channel?: string | undefined;
}

const COUNT = 100;

/**
 * A value kept in, or passing through, Redis. Every kind is asked at each interval and besides at once when Redis
 * tells of a change, as far as it does, and when it can be reached again.
 */
export function redisSource(
  links: RedisLinks,
  options: RedisSourceOptions,
  clock: Clock = systemClock,
): Source {
  const { url, key, hash, field, stream, count = COUNT, channel } = options;
  if (key !== undefined) return redisKeySource(links, { url, key });
  if (stream !== undefined) return redisStreamSource(links, { url, stream, count }, clock);
  if (channel !== undefined) return redisChannelSource(links, { url, channel });
  if (hash === undefined) throw new TypeError('a source in Redis is a key, a hash, a stream or a channel');
  return field === undefined
    ? redisHashSource(links, { url, hash })
    : redisHashFieldSource(links, { url, hash, field });
}
