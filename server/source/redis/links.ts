import { openRedisLink, type RedisLink } from './link.js';
import { type RedisSubscriber, redisSubscriber } from './subscriber.js';

/** The connections of one server to the Redis servers that its sources and sinks name. */
export interface RedisLinks {
  /** The one that all short questions to a Redis share. */
  shared(url: string): RedisLink;
  /** The one that all subscriptions to channels of a Redis share. */
  subscriber(url: string): RedisSubscriber;
  /** One for a reader that blocks; it is closed when `signal` aborts. */
  dedicated(url: string, signal: AbortSignal): RedisLink;
  /** Drops every connection, and resolves when none is left. */
  close(): Promise<void>;
}

/** The owner closes it, after the sources and sinks that use it. */
export function openRedisLinks(): RedisLinks {
  const open = new Set<RedisLink>();
  const shared = new Map<string, RedisLink>();
  const subscribers = new Map<string, RedisSubscriber>();

  function link(url: string): RedisLink {
    const made = openRedisLink(url);
    open.add(made);
    return made;
  }

  return {
    shared: (url) => once(shared, url, () => link(url)),
    subscriber: (url) => once(subscribers, url, () => redisSubscriber(link(url))),
    dedicated(url, signal) {
      const own = link(url);
      const drop = () => void own.close().then(() => open.delete(own));
      if (signal.aborted) drop();
      else signal.addEventListener('abort', drop, { once: true });
      return own;
    },
    async close() {
      await Promise.all([...open].map((each) => each.close()));
    },
  };
}

function once<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
