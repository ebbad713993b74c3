import type { Subscription } from './subscription.js';

/**
 * What one connection subscribes to, by topic, in the order it began. Most have one: a map for each would be the
 * largest part of it.
 */
export class Subscriptions {
  #only: Subscription | undefined;
  #all: Map<string, Subscription> | undefined;

  get size(): number {
    return this.#all?.size ?? (this.#only ? 1 : 0);
  }

  get(topic: string): Subscription | undefined {
    if (this.#all) return this.#all.get(topic);
    return this.#only?.channel.topic.name === topic ? this.#only : undefined;
  }

  /** One of the same topic gives way to it. */
  add(subscription: Subscription): void {
    const { name } = subscription.channel.topic;
    if (!this.#all && (!this.#only || this.get(name))) {
      this.#only = subscription;
      return;
    }
    this.#all ??= new Map([[this.#only!.channel.topic.name, this.#only!]]);
    this.#only = undefined;
    this.#all.set(name, subscription);
  }

  delete(topic: string): void {
    if (this.#all) this.#all.delete(topic);
    else if (this.get(topic)) this.#only = undefined;
  }

  values(): Iterable<Subscription> {
    return this.#all?.values() ?? (this.#only ? [this.#only] : []);
  }

  clear(): void {
    this.#only = undefined;
    this.#all = undefined;
  }
}
