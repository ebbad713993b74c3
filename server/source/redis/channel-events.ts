import { type Clock, systemClock } from '../../async/clock.js';
import { SourceError } from '../source-error.js';
import type { Pushed, PushSource } from '../stream/push-source.js';
import { parseStored } from './json.js';
import type { RedisLinks } from './links.js';
import { createMailbox } from './mailbox.js';

/** How often Redis is asked whether it is still there, in ms, while it says nothing. */
const CHECK = 2_000;
/** So much may wait to be taken; beyond that the newest messages are dropped, and that is told. */
const BOUNDS = { messages: 10_000, characters: 16 * 1024 * 1024 };

/**
 * Every message on a pub/sub channel as an event of its own; they must be JSON. What is published while the connection
 * is lost, or nobody follows, is missed: Redis keeps no messages.
 */
export function redisChannelEvents(
  links: RedisLinks,
  { url, channel }: { url: string; channel: string },
  clock: Clock = systemClock,
): PushSource {
  const { link, subscribe } = links.subscriber(url);
  const label = `the channel ${channel} of ${link.label}`;

  return {
    label,
    async *connect({ signal }) {
      const own = new AbortController();
      const heard = createMailbox(BOUNDS, clock);
      try {
        subscribe(channel, heard.put, own.signal);
        // Answered in order: after this the subscription stands.
        await link.use(signal, (redis) => redis.ping());
        yield [{ kind: 'open', resumed: false }];
        for (;;) {
          await heard.something(CHECK, signal);
          const { messages, dropped } = heard.take();
          if (messages.length > 0) {
            yield messages.map((message) => readEvent(message, label));
            if (dropped > 0) yield [tooFast(label, dropped)];
          } else {
            await link.use(signal, (redis) => redis.ping());
            yield [{ kind: 'alive' }];
          }
        }
      } finally {
        own.abort();
      }
    },
    watch: (back, signal) => link.onBack(back, signal),
  };
}

function readEvent(text: string, label: string): Pushed {
  try {
    return { kind: 'message', value: parseStored(text, `a message on ${label}`) };
  } catch (error) {
    return { kind: 'fault', error };
  }
}

function tooFast(label: string, dropped: number): Pushed {
  const error = new SourceError(`${label} is faster than its messages can be taken: ${dropped} were dropped`);
  return { kind: 'fault', error };
}
