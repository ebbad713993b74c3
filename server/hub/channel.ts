import type { DeliveryMode } from '../../shared/messages.js';
import type { HistoryEntry } from '../store/history.js';
import type { Change, TopicFlush, TopicView } from '../store/topic.js';
import { checkedPart, eventPart, freshnessPart, gapPart, patchPart, valuePart } from './parts.js';
import type { Subscription } from './subscription.js';
import { Encoded, type WireFormat } from './wire.js';

/** What readers are caught up with is kept encoded, up to about so many characters a topic. */
const CATCH_UP_CHARACTERS = 1024 * 1024;

/** The subscriptions of one topic that get the same bytes. */
export interface Lane {
  readonly format: WireFormat;
  readonly mode: DeliveryMode;
  readonly subscriptions: Subscription[];
}

/** One topic as the hub sees it: who gets it, and what was encoded for them lately. */
export class Channel {
  readonly topic: TopicView;
  readonly lanes: Lane[] = [];
  /** Called once each at the next change of content: long-polls. */
  readonly waiters = new Set<() => void>();
  /** Called at every flush: subscribers in this process. */
  readonly watchers = new Set<(flush: TopicFlush) => void>();
  /** How many subscriptions asked for `checked`. */
  progressing = 0;
  readonly #catchUps = new Map<number, Encoded>();
  #catchUpCharacters = 0;
  #catchUpsFor: { version: number; asOf: number | undefined } = { version: -1, asOf: undefined };
  #freshness: { encoded: Encoded; text: string } | undefined;
  #value: { encoded: Encoded; version: number; asOf: number | undefined } | undefined;

  constructor(topic: TopicView) {
    this.topic = topic;
  }

  add(subscription: Subscription): void {
    const { mode, connection } = subscription;
    const { format } = connection.outlet;
    let lane = this.lanes.find((lane) => lane.format === format && lane.mode === mode);
    if (!lane) {
      lane = { format, mode, subscriptions: [] };
      this.lanes.push(lane);
    }
    if (subscription.progress > 0) this.progressing += 1;
    subscription.lane = lane;
    subscription.laneIndex = lane.subscriptions.push(subscription) - 1;
  }

  remove(subscription: Subscription): void {
    const { lane, laneIndex } = subscription;
    const last = lane?.subscriptions.pop();
    if (!lane || !last) return;
    if (subscription.progress > 0) this.progressing -= 1;
    if (last !== subscription) {
      lane.subscriptions[laneIndex] = last;
      last.laneIndex = laneIndex;
    }
    if (lane.subscriptions.length === 0) this.lanes.splice(this.lanes.indexOf(lane), 1);
    subscription.lane = undefined;
  }

  get subscribers(): number {
    let count = this.waiters.size + this.watchers.size;
    for (const lane of this.lanes) count += lane.subscriptions.length;
    return count;
  }

  /** The whole value, encoded once while neither it nor its age changes. */
  value(): Encoded {
    const { version, asOf } = this.topic;
    if (this.#value?.version !== version || this.#value.asOf !== asOf) {
      this.#value = { encoded: new Encoded([valuePart(this.topic)]), version, asOf };
    }
    return this.#value.encoded;
  }

  /**
   * What leads a state topic's reader from version `from` to the current one: the patches between, merged into
   * one, or the value where that is shorter or history does not reach. Encoded once for all who stopped there.
   */
  stateSince(from: number): Encoded {
    return this.#catchUp(from, () => {
      const entries = from > 0 ? this.topic.since(from) : undefined;
      if (!entries) return this.value();
      const patchJson = entries.map((entry) => entry.text).join(',');
      if (entries.length > 1 && patchJson.length > (this.topic.valueJson?.length ?? 0)) return this.value();
      return new Encoded([patchPart(this.topic, from, patchJson)]);
    });
  }

  /**
   * The events after `from`, at most about `budget` bytes of them, or the gap to where history begins if it does
   * not reach that far; and the version that leads to.
   */
  eventsSince(from: number, budget: number): { encoded: Encoded; version: number; gap: boolean } {
    const entries = this.topic.since(from);
    if (!entries) {
      // Apart from what follows, which all who missed too much have in common.
      const version = this.topic.reachesBackTo;
      return { encoded: new Encoded([gapPart(this.topic, from, version)]), version, gap: true };
    }
    const share = within(entries, budget);
    const version = share.at(-1)?.version ?? from;
    const make = () => new Encoded(share.map((entry) => eventPart(this.topic, entry)));
    const encoded = share.length === entries.length ? this.#catchUp(from, make) : make();
    return { encoded, version, gap: false };
  }

  /** What a flush says to a reader of that mode who was up to date; `undefined` where it says nothing. */
  encodeFlush({ topic, change, turned }: TopicFlush, mode: DeliveryMode): Encoded | undefined {
    const content = this.#contentOf(change, mode);
    if (!turned) return content;
    // A source that works again is told before its news, one that fails after its last.
    const turn = freshnessPart(topic);
    const parts = content?.parts ?? [];
    return new Encoded(turned === 'fresh' ? [turn, ...parts] : [...parts, turn]);
  }

  #contentOf(change: Change | undefined, mode: DeliveryMode): Encoded | undefined {
    if (!change) return undefined;
    if (change.kind === 'events')
      return new Encoded(change.entries.map((entry) => eventPart(this.topic, entry)));
    if (change.kind === 'value' || mode === 'value') return this.value();
    return new Encoded([patchPart(this.topic, change.from, change.patchJson)]);
  }

  /** The topic's freshness, for a reader that was told otherwise; encoded once while it is the same. */
  freshness(): Encoded {
    const part = freshnessPart(this.topic);
    if (this.#freshness?.text !== part.text)
      this.#freshness = { text: part.text, encoded: new Encoded([part]) };
    return this.#freshness.encoded;
  }

  checked(): Encoded {
    return new Encoded([checkedPart(this.topic)]);
  }

  #catchUp(from: number, make: () => Encoded): Encoded {
    const { version, asOf } = this.topic;
    if (this.#catchUpsFor.version !== version || this.#catchUpsFor.asOf !== asOf) {
      this.#forgetCatchUps();
      this.#catchUpsFor = { version, asOf };
    }
    const known = this.#catchUps.get(from);
    if (known) return known;
    const encoded = make();
    // A crowd stops at many versions of small patches, but one that asks from each in turn must not fill the memory.
    const size = encoded === this.#value?.encoded ? 0 : lengthOf(encoded);
    if (this.#catchUpCharacters + size > CATCH_UP_CHARACTERS) this.#forgetCatchUps();
    this.#catchUpCharacters += size;
    this.#catchUps.set(from, encoded);
    return encoded;
  }

  #forgetCatchUps(): void {
    this.#catchUps.clear();
    this.#catchUpCharacters = 0;
  }
}

function lengthOf({ parts }: Encoded): number {
  let length = 0;
  for (const { text } of parts) length += text.length;
  return length;
}

/** The first entries that fit into `budget` bytes; one at least, so that everybody gets on. */
function within(entries: readonly HistoryEntry[], budget: number): readonly HistoryEntry[] {
  let size = 0;
  for (const [index, { text }] of entries.entries()) {
    size += text.length;
    if (size > budget && index > 0) return entries.slice(0, index);
  }
  return entries;
}
