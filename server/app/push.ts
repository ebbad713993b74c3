import type { Clock } from '../async/clock.js';
import type { SourceConfig } from '../config/schema.js';
import { isStreamFunction } from '../config/stream.js';
import type { HttpClient } from '../source/http/client.js';
import { redisChannelEvents } from '../source/redis/channel-events.js';
import type { RedisLinks } from '../source/redis/links.js';
import { redisStreamEvents } from '../source/redis/stream-events.js';
import type { FollowerStats } from '../source/stream/following.js';
import { generatorSource } from '../source/stream/generator.js';
import { httpStream } from '../source/stream/http-stream.js';
import type { PushSource } from '../source/stream/push-source.js';

interface Connections {
  client: HttpClient;
  links: RedisLinks;
  clock: Clock;
  /** Of the Redis that is meant where none is named. */
  redisUrl: string | undefined;
}

/** What an entry of the configuration follows; `undefined` where it is fetched at intervals. */
export function pushSourceOf(
  { kind, fetch }: SourceConfig,
  { client, links, clock, redisUrl }: Connections,
): PushSource | undefined {
  if (isStreamFunction(fetch)) return generatorSource(fetch);
  if (typeof fetch === 'function') return undefined;
  if ('stream' in fetch) return httpStream(client, fetch, clock);
  if (kind !== 'event' || !('redis' in fetch)) return undefined;
  // The configuration has been refused where neither names one, and where it is neither a stream nor a channel.
  const { url = redisUrl!, stream, channel, count = 100 } = fetch.redis;
  return stream === undefined
    ? redisChannelEvents(links, { url, channel: channel! })
    : redisStreamEvents(links, { url, stream, count });
}

/** Sums over all push sources of a server. `connected`: how many of them are. */
export function sumOf(stats: Iterable<Readonly<FollowerStats>>) {
  const sum = { connected: 0, connects: 0, failures: 0, messages: 0, faults: 0 };
  for (const { connected, connects, failures, messages, faults } of stats) {
    if (connected) sum.connected += 1;
    sum.connects += connects;
    sum.failures += failures;
    sum.messages += messages;
    sum.faults += faults;
  }
  return sum;
}
