import type { Source } from '../source.js';
import { parseStored } from './json.js';
import type { RedisLinks } from './links.js';

/**
 * A pub/sub channel whose messages are JSON: the newest is the value. Messages that come faster than they can be
 * committed are conflated; between messages the interval only makes sure that Redis is there.
 */
export function redisChannelSource(
  links: RedisLinks,
  { url, channel }: { url: string; channel: string },
): Source {
  const subscriber = links.subscriber(url);
  const label = `the channel ${channel} of ${subscriber.link.label}`;
  let newest: string | undefined;
  let isNews = false;
  return {
    label,
    async fetch({ signal, previous }) {
      if (!isNews) await subscriber.link.use(signal, (redis) => redis.ping());
      if (newest === undefined || (!isNews && previous !== undefined)) return { kind: 'unchanged' };
      isNews = false;
      return { kind: 'value', value: parseStored(newest, `a message on ${label}`) };
    },
    watch(changed, signal) {
      subscriber.link.onBack(changed, signal);
      const heard = (message: string) => {
        newest = message;
        isNews = true;
        changed();
      };
      subscriber.subscribe(channel, heard, signal);
    },
  };
}
