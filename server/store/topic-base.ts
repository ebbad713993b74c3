import { randomInt } from 'node:crypto';
import type { Json } from '../../shared/json.js';
import type { TopicKind } from '../../shared/messages.js';
import { History, type HistoryEntry } from './history.js';
import type { Change, Declaration, Freshness, TopicFlush, TopicView } from './topic.js';

const EPOCH_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const EPOCH_LENGTH = 8;

function newEpoch(): string {
  let epoch = '';
  for (let i = 0; i < EPOCH_LENGTH; i++) epoch += EPOCH_ALPHABET[randomInt(EPOCH_ALPHABET.length)];
  return epoch;
}

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
  readonly epoch = newEpoch();
  version = 0;
  asOf: number | undefined;
  changedAt: number | undefined;
  freshness: Freshness = { stale: false };
  protected readonly history: History;
  /** What the next flush makes of `freshness` and `asOf`: until then readers see one consistent state. */
  #nextFreshness: Freshness = { stale: false };
  #nextAsOf: number | undefined;

  constructor(name: string, declaration: Declaration) {
    this.name = name;
    this.served = declaration.served;
    this.fromPattern = declaration.topic !== name;
    this.history = new History(declaration.history);
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

  /** Moves what was committed since the last flush into the topic, and says what there is to tell. */
  takeFlush(now: number): TopicFlush {
    const wasStale = this.freshness.stale;
    const { stale } = this.#nextFreshness;
    this.freshness = this.#nextFreshness;
    const asked = this.#nextAsOf !== undefined;
    this.asOf = this.#nextAsOf ?? this.asOf;
    this.#nextAsOf = undefined;
    const change = this.takeChange(now);
    return {
      topic: this,
      change,
      turned: stale === wasStale ? undefined : stale ? 'stale' : 'fresh',
      checked: asked && !change,
    };
  }

  protected abstract takeChange(now: number): Change | undefined;
}
