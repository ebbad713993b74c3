import type { DeliveryMode } from '../../shared/messages.js';
import type { Change, TopicFlush, TopicView } from '../store/topic.js';
import { type CatchUp, CatchUps } from './catch-ups.js';
import { allAfter, allRecords, shareAfter, shareEndsOf } from './event-shares.js';
import { checkedPart, eventPart, freshnessPart, patchPart, valuePart } from './parts.js';
import type { Subscription } from './subscription.js';
import { Encoded, type WireFormat } from './wire.js';

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
  readonly #catchUps: CatchUps;
  /** The versions that shares of the history end at; made when first needed, and anew for each version. */
  #shareEnds: { version: number; ends: readonly number[] } | undefined;
  #freshness: { encoded: Encoded; text: string } | undefined;
  #value: { encoded: Encoded; version: number; asOf: number | undefined } | undefined;

  constructor(topic: TopicView) {
    this.topic = topic;
    this.#catchUps = new CatchUps(topic);
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
    return this.#catchUps.get(`from ${from}`, () => this.#patchSince(from))?.encoded ?? this.value();
  }

  /** `undefined` where the value serves better. */
  #patchSince(from: number): CatchUp | undefined {
    const entries = from > 0 ? this.topic.since(from) : undefined;
    if (!entries) return undefined;
    const patchJson = entries.map((entry) => entry.text).join(',');
    if (entries.length > 1 && patchJson.length > (this.topic.valueJson?.length ?? 0)) return undefined;
    const encoded = new Encoded([patchPart(this.topic, from, patchJson)]);
    return { encoded, version: this.topic.version, gap: false };
  }

  /** The next step of an event topic's reader that stands at `from`: a gap, or a share of the events it missed. */
  eventsSince(from: number): CatchUp {
    return this.#catchUps.get(`from ${from}`, () => shareAfter(this.topic, from, this.#endsOfShares()));
  }

  /** All steps of that reader in one. */
  allEventsSince(from: number): Encoded {
    const next = this.eventsSince(from);
    if (next.version === this.topic.version) return next.encoded;
    return this.#catchUps.get(`all from ${from}`, () => allAfter(this.topic, from)).encoded;
  }

  /** An event topic's history, for those who read it whole. */
  records(): Encoded {
    return this.#catchUps.get('records', () => allRecords(this.topic)).encoded;
  }

  #endsOfShares(): readonly number[] {
    const { version } = this.topic;
    if (this.#shareEnds?.version !== version) this.#shareEnds = { version, ends: shareEndsOf(this.topic) };
    return this.#shareEnds.ends;
  }

  /** Lets go of what was made for the version before. */
  forget(): void {
    this.#catchUps.clear();
    this.#shareEnds = undefined;
    this.#value = undefined;
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
}
