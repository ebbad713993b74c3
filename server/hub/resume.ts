import type { Cursor } from '../../shared/cursor.js';
import type { DeliveryMode } from '../../shared/messages.js';
import type { TopicView } from '../store/topic.js';
import type { Channel } from './channel.js';
import { NOTHING } from './subscription.js';
import type { Encoded } from './wire.js';

/**
 * Where a new reader stands. A state topic's reader resumes from a cursor of this life that history reaches, an
 * event topic's likewise; an event reader with a cursor that the topic never was at, of another life or from ahead, has
 * missed all of this one, and one without a cursor nothing.
 */
export function startOf(
  topic: TopicView,
  mode: DeliveryMode,
  since: Cursor | undefined,
): { version: number; resumed: boolean } {
  const sameLife = since?.epoch === topic.epoch && since.version <= topic.version;
  if (topic.kind === 'event') {
    if (!since) return { version: topic.version, resumed: false };
    if (!sameLife) return { version: 0, resumed: false };
    return { version: since.version, resumed: topic.since(since.version) !== undefined };
  }
  if (sameLife && since.version > 0) {
    if (since.version === topic.version) return { version: since.version, resumed: true };
    if (mode === 'patch' && topic.since(since.version)) return { version: since.version, resumed: true };
  }
  return { version: topic.version === 0 ? 0 : NOTHING, resumed: false };
}

/** All that leads a reader of version `from` to the current one. */
export function whatFollows(channel: Channel, from: number): Encoded {
  if (channel.topic.kind === 'event') return channel.allEventsSince(from);
  return from === NOTHING ? channel.value() : channel.stateSince(from);
}
