import type { TopicView } from '../store/topic.js';
import { Channel } from './channel.js';

/** For so many topics what was encoded is kept; that of the topic asked for least recently goes first. */
const KEPT_TOPICS = 100;

/** The channels of topics that nobody subscribes to, but that crowds may ask for: encoded once, too. */
export class UnwatchedChannels {
  readonly #channels = new Map<TopicView, Channel>();

  of(topic: TopicView): Channel {
    const channel = this.#channels.get(topic) ?? new Channel(topic);
    this.forget(topic);
    this.#channels.set(topic, channel);
    for (const oldest of this.#channels.keys()) {
      if (this.#channels.size <= KEPT_TOPICS) break;
      this.forget(oldest);
    }
    return channel;
  }

  /** That of a topic which gets a subscriber, with all that was encoded. */
  take(topic: TopicView): Channel | undefined {
    const channel = this.#channels.get(topic);
    this.forget(topic);
    return channel;
  }

  forget(topic: TopicView): void {
    this.#channels.delete(topic);
  }
}
