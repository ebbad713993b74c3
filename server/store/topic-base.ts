import type { Json } from '../../shared/json.js';
import type { TopicKind } from '../../shared/messages.js';
import type { SavedTopic } from './durable/saved-topic.js';
import { newEpoch } from './epoch.js';
import { History, type HistoryEntry } from './history.js';
import type { Change, Declaration, Freshness, Position, TopicFlush, TopicView } from './topic.js';

/** What both kinds of topic share: identity, position, history, and the status of the source. */
export abstract class TopicBase implements TopicView {
  abstract readonly kind: TopicKind;
  abstract readonly value: Json | undefined;
  abstract readonly valueJson: string | undefined;
  abstract readonly dirty: boolean;
  readonly name: string;
  readonly served: boolean;
  /** One of many that a pattern stands for. */
  readonly fromPattern: boolean;
  /** The program that runs the server holds it and may commit at any time. */
  kept = false;
  /** A source serves it, and says when it ends. */
  held = false;
  /** The store has let go of it: what is still committed to it is lost. */
  gone = false;
  readonly epoch: string;
  version: number;
  asOf: number | undefined;
  changedAt: number | undefined;
  freshness: Freshness;
  position: Position | undefined;
  protected readonly history: History;
  /** What the next flush makes of `freshness`, `asOf` and `position`: until then readers see one consistent state. */
  #nextFreshness: Freshness;
  #nextAsOf: number | undefined;
  #nextPosition: Position | undefined;

  /** `saved`: what it was when the process before ended, to go on from. */
  constructor(name: string, declaration: Declaration, saved?: SavedTopic) {
    this.name = name;
    this.served = declaration.served;
    this.fromPattern = declaration.topic !== name;
    this.epoch = saved?.epoch ?? newEpoch();
    this.version = saved?.version ?? 0;
    this.asOf = saved?.asOf;
    this.changedAt = saved?.changedAt;
    this.freshness = saved?.stale === undefined ? { stale: false } : { stale: true, error: saved.stale };
    this.#nextFreshness = this.freshness;
    this.position = saved?.position;
    this.#nextPosition = this.position;
    this.history = new History(declaration.history);
    for (const step of saved?.history ?? []) this.history.push(step);
  }

  since(version: number): readonly HistoryEntry[] | undefined {
    return this.history.since(version, this.version);
  }

  get reachesBackTo(): number {
    const oldest = this.history.oldest;
    return oldest === undefined ? this.version : oldest - 1;
  }

  /** The source answered, with news or without: the topic is right as of `asOf`, and fresh. */
  succeeded(asOf: number): void {
    this.#nextAsOf = asOf;
    this.#nextFreshness = { stale: false };
  }

  /** The source fails: the last good value stays. */
  fail(error: string): void {
    this.#nextFreshness = { stale: true, error };
  }

  /** The stream that feeds the topic stands there, with all that was committed so far; `undefined`: nobody knows where. */
  stand(position: Position | undefined): void {
    this.#nextPosition = position;
  }

  /** Moves what was committed since the last flush into the topic, and says what there is to tell. */
  takeFlush(now: number): TopicFlush {
    const wasStale = this.freshness.stale;
    const { stale } = this.#nextFreshness;
    this.freshness = this.#nextFreshness;
    const asked = this.#nextAsOf !== undefined;
    this.asOf = this.#nextAsOf ?? this.asOf;
    this.#nextAsOf = undefined;
    const before = this.position;
    this.position = this.#nextPosition;
    const change = this.takeChange(now);
    return {
      topic: this,
      change,
      turned: stale === wasStale ? undefined : stale ? 'stale' : 'fresh',
      checked: asked && !change,
      moved: this.position?.at !== before?.at || this.position?.origin !== before?.origin,
    };
  }

  protected abstract takeChange(now: number): Change | undefined;
}
