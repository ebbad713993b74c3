import type { Json } from '../../shared/json.js';
import type { HistoryEntry } from './history.js';
import type { Change } from './topic.js';
import { TopicBase } from './topic-base.js';

/** A topic that holds a stream of events with a bounded history; every event is a version. */
export class EventTopic extends TopicBase {
  readonly kind = 'event';
  readonly value = undefined;
  readonly valueJson = undefined;
  #pending: HistoryEntry[] = [];

  /** Returns the event's version, which it keeps when flushed. */
  append(event: Json, asOf: number): number {
    const version = this.version + this.#pending.length + 1;
    this.#pending.push({ version, text: JSON.stringify(event), asOf });
    this.succeeded(asOf);
    return version;
  }

  get dirty(): boolean {
    return this.#pending.length > 0;
  }

  protected takeChange(now: number): Change | undefined {
    const entries = this.#pending;
    const last = entries.at(-1);
    if (!last) return undefined;
    this.#pending = [];
    const from = this.version;
    for (const entry of entries) this.history.push(entry);
    this.version = last.version;
    this.changedAt = now;
    return { kind: 'events', from, version: last.version, entries };
  }
}
