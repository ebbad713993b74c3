import type { TopicView } from '../store/topic.js';
import type { Encoded } from './wire.js';

/** So many bytes of a topic's catch-ups are kept at most, and twice what its history has. */
const KEPT_BYTES = 1024 * 1024;
/** About what one takes beside its messages. */
const OVERHEAD = 512;

/** What leads a reader from one version of a topic to another. */
export interface CatchUp {
  readonly encoded: Encoded;
  /** Where it leads to. */
  readonly version: number;
  /** It begins by telling that events are lost. */
  readonly gap: boolean;
}

/**
 * The catch-ups of one topic, kept while it stays what it is: made once for all who go the same way. A crowd stops at
 * many versions, but one client that asks from each in turn must not fill the memory: what was not asked for the
 * longest goes first.
 */
export class CatchUps {
  readonly #topic: TopicView;
  readonly #kept = new Map<string, { catchUp: CatchUp; bytes: number }>();
  #bytes = 0;
  #version = -1;
  #asOf: number | undefined;
  #historyBytes: number | undefined;

  constructor(topic: TopicView) {
    this.#topic = topic;
  }

  /** `way` names it among those of the topic's version. What is `keptAnyway` takes no room. */
  get(way: string, make: () => CatchUp, keptAnyway = (_: Encoded) => false): CatchUp {
    const { version, asOf } = this.#topic;
    if (this.#version !== version || this.#asOf !== asOf) this.clear();
    this.#version = version;
    this.#asOf = asOf;
    let kept = this.#kept.get(way);
    if (kept) this.#kept.delete(way);
    else {
      const catchUp = make();
      const { encoded } = catchUp;
      kept = { catchUp, bytes: OVERHEAD + (keptAnyway(encoded) ? 0 : encoded.payloadBytes) };
      this.#makeRoom(kept.bytes);
      this.#bytes += kept.bytes;
    }
    this.#kept.set(way, kept);
    return kept.catchUp;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
    this.#historyBytes = undefined;
  }

  #makeRoom(bytes: number): void {
    if (this.#bytes + bytes <= KEPT_BYTES) return;
    const most = KEPT_BYTES + 2 * this.#sizeOfHistory();
    for (const [way, oldest] of this.#kept) {
      if (this.#bytes + bytes <= most) return;
      this.#kept.delete(way);
      this.#bytes -= oldest.bytes;
    }
  }

  /** All who begin at the oldest event must find all that follows, however long it is. */
  #sizeOfHistory(): number {
    if (this.#historyBytes === undefined) {
      this.#historyBytes = 0;
      for (const { text } of this.#topic.since(this.#topic.reachesBackTo) ?? [])
        this.#historyBytes += OVERHEAD + Buffer.byteLength(text);
    }
    return this.#historyBytes;
  }
}
