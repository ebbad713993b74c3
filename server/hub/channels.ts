import type { Store } from '../store/store.js';
import { unknownTopic } from '../store/store.js';
import type { TopicView } from '../store/topic.js';
import { Channel } from './channel.js';
import { UnwatchedChannels } from './unwatched.js';

/** Told when a topic gets its first subscriber, whom it refuses by throwing, and when it loses its last. */
export type OnDemand = (topic: string, wanted: boolean) => void;

/** The channels of all topics that somebody subscribes to, and of those that were only asked for lately. */
export interface Channels {
  /** That of a topic with subscribers. */
  find(name: string): Channel | undefined;
  /** For somebody who subscribes. @throws {HeadwaterError} `unknown_topic`, and what `onDemand` throws */
  open(name: string): Channel;
  /** @throws {HeadwaterError} `unknown_topic` */
  topic(name: string): TopicView;
  /** For somebody who only asks. */
  lookAt(topic: TopicView): Channel;
  /** Lets a channel go that lost a subscriber, if it was the last. */
  releaseIfUnwanted(channel: Channel): void;
  /** Lets go of what was encoded for the content before. */
  forgetContent(topic: TopicView): void;
  /** Those with subscribers. */
  all(): Channel[];
}

export function createChannels(store: Store, onDemand: OnDemand | undefined): Channels {
  const channels = new Map<string, Channel>();
  const unwatched = new UnwatchedChannels();

  function topicOf(name: string): TopicView {
    const topic = store.open(name);
    if (!topic) throw unknownTopic(name);
    return topic;
  }

  return {
    find: (name) => channels.get(name),
    open(name) {
      const known = channels.get(name);
      if (known) return known;
      const topic = topicOf(name);
      try {
        onDemand?.(name, true);
      } catch (error) {
        store.forget(name);
        throw error;
      }
      const channel = unwatched.take(topic) ?? new Channel(topic);
      channels.set(name, channel);
      return channel;
    },
    topic: topicOf,
    lookAt: (topic) => channels.get(topic.name) ?? unwatched.of(topic),
    releaseIfUnwanted(channel) {
      if (channel.subscribers > 0) return;
      const { name } = channel.topic;
      channels.delete(name);
      store.forget(name);
      onDemand?.(name, false);
    },
    forgetContent(topic) {
      unwatched.forget(topic);
      channels.get(topic.name)?.forget();
    },
    all: () => [...channels.values()],
  };
}
