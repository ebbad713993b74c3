import type { TopicView } from '../store/topic.js';
import { type Encoded, PART_BYTES } from './wire.js';

/** So many bytes of memory a topic's catch-ups may take, beside those of its history. */
const KEPT_BYTES = 1024 * 1024;
/**
 * All that follows the oldest event must find room, its messages and their bytes for each edge, and so must the answers to
 * long-polls that stopped at a few versions, each of which holds all that came after.
 */
const COPIES_OF_HISTORY = 8;
/** About what one takes beside what it holds. */
const OVERHEAD = 512;

/** What leads a reader from one version of a topic to another. */
export interface CatchUp {
  readonly encoded: Encoded;
  /** Where it leads to. */
  readonly version: number;
  /** It begins by telling that events are lost. */
  readonly gap: boolean;
}

interface Kept {
  /** `undefined`: there is none that serves. */
  readonly catchUp: CatchUp | undefined;
  charged: number;
}

/**
 * What leads readers on from the versions of one topic, kept while that stays what it is: made once for all who go the
 * same way. A crowd stops at many versions, but one client that asks from each in turn must not fill the memory: the
 * one asked for least recently goes first.
 */
export class CatchUps {
  readonly #topic: TopicView;
  readonly #kept = new Map<string, Kept>();
  /** It may be encoded only after it was given out, and is charged for that with the next. */
  #latest: Kept | undefined;
  #charged = 0;
  #version = -1;
  #asOf: number | undefined;
  #historyBytes: number | undefined;

  constructor(topic: TopicView) {
    this.#topic = topic;
  }

  /** `way` names it among those of the topic's version; that `make` has none is kept too. */
  get<T extends CatchUp | undefined>(way: string, make: () => T): T {
    const { version, asOf } = this.#topic;
    if (this.#version !== version || this.#asOf !== asOf) this.clear();
    this.#version = version;
    this.#asOf = asOf;
    let kept = this.#kept.get(way);
    if (kept) this.#kept.delete(way);
    else kept = { catchUp: make(), charged: 0 };
    this.#kept.set(way, kept);
    if (this.#latest) this.#charge(this.#latest);
    this.#charge(kept);
    this.#latest = kept;
    this.#makeRoom();
    return kept.catchUp as T;
  }

  clear(): void {
    this.#kept.clear();
    this.#latest = undefined;
    this.#charged = 0;
    this.#historyBytes = undefined;
  }

  /** Encoded in one more format, it takes more than before. */
  #charge(kept: Kept): void {
    const cost = OVERHEAD + (kept.catchUp?.encoded.heldBytes ?? 0);
    this.#charged += cost - kept.charged;
    kept.charged = cost;
  }

  /** The latest stays, however long it is. */
  #makeRoom(): void {
    if (this.#charged <= KEPT_BYTES) return;
    const most = KEPT_BYTES + COPIES_OF_HISTORY * this.#sizeOfHistory();
    for (const [way, oldest] of this.#kept) {
      if (this.#charged <= most || oldest === this.#latest) return;
      this.#kept.delete(way);
      this.#charged -= oldest.charged;
    }
  }

  #sizeOfHistory(): number {
    if (this.#historyBytes === undefined) {
      this.#historyBytes = 0;
      for (const { text } of this.#topic.since(this.#topic.reachesBackTo) ?? [])
        this.#historyBytes += PART_BYTES + Buffer.byteLength(text);
    }
    return this.#historyBytes;
  }
}
