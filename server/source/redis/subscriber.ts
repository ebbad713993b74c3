import type { Redis } from 'ioredis';
import type { RedisLink } from './link.js';

/** The subscriptions of one server to one Redis, on one connection (Redis pub/sub). */
export interface RedisSubscriber {
  readonly link: RedisLink;
  /**
   * Calls `heard` with every message on a channel until `signal` aborts. What is published while the connection is
   * lost is missed; the subscription itself comes back with the connection.
   */
  subscribe(channel: string, heard: (message: string) => void, signal: AbortSignal): void;
}

export function redisSubscriber(link: RedisLink): RedisSubscriber {
  const channels = new Map<string, Set<(message: string) => void>>();
  const running = new AbortController();
  let hearing = false;

  /** Subscribes on the connection that there is; on the next one all over again. */
  function ask(wanted: readonly string[]): void {
    const request = async (redis: Redis) => {
      if (!hearing) redis.on('message', deliver);
      hearing = true;
      await redis.subscribe(...wanted);
    };
    // A lost connection is no news here: `onBack` asks again, and the sources find out for themselves.
    link.use(running.signal, request).catch(() => {});
  }

  function deliver(channel: string, message: string): void {
    for (const heard of channels.get(channel) ?? []) heard(message);
  }

  function leave(channel: string): void {
    channels.delete(channel);
    link.use(running.signal, (redis) => redis.unsubscribe(channel)).catch(() => {});
  }

  link.onBack(() => {
    if (channels.size > 0) ask([...channels.keys()]);
  }, running.signal);

  return {
    link,
    subscribe(channel, heard, signal) {
      if (signal.aborted) return;
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners);
      listeners.add(heard);
      if (listeners.size === 1) ask([channel]);
      signal.addEventListener(
        'abort',
        () => {
          listeners.delete(heard);
          if (listeners.size === 0) leave(channel);
        },
        { once: true },
      );
    },
  };
}
