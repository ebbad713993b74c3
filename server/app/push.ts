import type { Clock } from '../async/clock.js';
import type { SourceConfig } from '../config/schema.js';
import { isStreamFunction } from '../config/stream.js';
import type { Logger } from '../observe/log.js';
import type { StreamCounts } from '../source/readings.js';
import { redisChannelEvents } from '../source/redis/channel-events.js';
import { redisStreamEvents } from '../source/redis/stream-events.js';
import type { Refresher } from '../source/refresher.js';
import type { SourcePlace } from '../source/source.js';
import { type Follower, startFollower } from '../source/stream/follower.js';
import type { FollowerStats } from '../source/stream/following.js';
import { generatorSource } from '../source/stream/generator.js';
import { httpStream } from '../source/stream/http-stream.js';
import type { PushSource } from '../source/stream/push-source.js';
import type { Store, TopicWriter } from '../store/store.js';
import type { Connections } from './source-of.js';
import { sparing } from './sparing.js';
import type { ServerTasks } from './tasks.js';
import type { Transforms } from './transforms.js';

/** What a topic follows whose source pushes; one that always fails, with the reason, where there can be none. */
export function pushSourceOf(
  fetch: () => SourceConfig['fetch'],
  place: SourcePlace,
  connections: Connections,
): PushSource {
  try {
    return makePushSource(fetch(), place, connections);
  } catch (error) {
    return {
      label: place.topic,
      connect() {
        throw error;
      },
    };
  }
}

function makePushSource(
  fetch: SourceConfig['fetch'],
  place: SourcePlace,
  { client, links, clock, redisUrl }: Connections,
): PushSource {
  if (isStreamFunction(fetch)) return generatorSource(fetch, place);
  if (typeof fetch === 'object' && 'stream' in fetch) return httpStream(client, fetch, clock);
  if (typeof fetch !== 'object' || !('redis' in fetch)) throw new TypeError('the source does not push');
  // The configuration has been refused where neither names one, and where it is neither a stream nor a channel.
  const { url = redisUrl!, stream, channel, count = 100 } = fetch.redis;
  return stream === undefined
    ? redisChannelEvents(links, { url, channel: channel! }, clock)
    : redisStreamEvents(links, { url, stream, count });
}

/** The followers of one server. */
export interface Followers {
  start(entry: SourceConfig, topic: TopicWriter, source: PushSource): Refresher;
  /** Sums over all that there were; `connected`: how many are now. */
  counts(): StreamCounts;
}

export function createFollowers(context: {
  store: Store;
  clock: Clock;
  logger: Logger;
  transforms: Transforms;
  tasks: ServerTasks;
}): Followers {
  const { store, clock, logger, transforms, tasks } = context;
  const running = new Set<Follower>();
  /** Of those that were closed. */
  const past: StreamCounts = { connected: 0, connects: 0, failures: 0, messages: 0, faults: 0 };

  return {
    start(entry, topic, source) {
      const { kind, when, linger } = entry;
      const { name } = topic.view;
      const follower = startFollower({
        source,
        topic,
        kind,
        when,
        linger,
        clock,
        flushed: store.flushed,
        transform: transforms.of(entry, name),
        run: (work) => tasks.follow(name, work),
        onError: sparing<unknown>(clock, (err, more) =>
          logger.warn({ topic: name, err, ...more }, 'a stream failed'),
        ),
        onForeignPosition: () =>
          logger.info(
            { topic: name, source: source.label },
            'the position that was kept is of another source, or of another selection of it: this one is followed from its start',
          ),
      });
      running.add(follower);
      return {
        ...follower,
        get ready() {
          return follower.ready;
        },
        async close() {
          await follower.close();
          if (running.delete(follower)) add(past, follower.stats);
        },
      };
    },
    counts() {
      const sum = { ...past };
      for (const { stats } of running) add(sum, stats);
      return sum;
    },
  };
}

function add(
  sum: StreamCounts,
  { connected, connects, failures, messages, faults }: Readonly<FollowerStats>,
): void {
  if (connected) sum.connected += 1;
  sum.connects += connects;
  sum.failures += failures;
  sum.messages += messages;
  sum.faults += faults;
}
