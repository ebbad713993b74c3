/** How much of a topic's past is kept for resume: the older end is dropped at either bound. */
export interface HistoryBounds {
  count: number;
  /** Of JSON text, as UTF-8. */
  bytes: number;
}

/** One step of a topic's past, as JSON text so that it is encoded once and merged by joining. */
export interface HistoryEntry {
  /** The version this step led to; the step before it led to `version - 1`. */
  readonly version: number;
  /** State topics: patch operations without the brackets. Event topics: the event. */
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly asOf: number;
}

/** Stands where one was dropped, so that its text is let go of at once. */
const DROPPED: HistoryEntry = { version: 0, text: '', asOf: 0 };

/**
 * The last steps of one topic, bounded by count and by bytes, without holes: entry versions are consecutive.
 */
export class History {
  readonly #bounds: HistoryBounds;
  #entries: HistoryEntry[] = [];
  /** The bytes of each. */
  #sizes: number[] = [];
  /** Entries before this index are dropped already; the arrays are compacted now and then. */
  #head = 0;
  #bytes = 0;

  constructor(bounds: HistoryBounds) {
    this.#bounds = bounds;
  }

  push(entry: HistoryEntry): void {
    const size = Buffer.byteLength(entry.text);
    this.#entries.push(entry);
    this.#sizes.push(size);
    this.#bytes += size;
    while (this.size > 0 && (this.size > this.#bounds.count || this.#bytes > this.#bounds.bytes)) {
      this.#bytes -= this.#sizes[this.#head]!;
      this.#entries[this.#head] = DROPPED;
      this.#head += 1;
    }
    if (this.#head > 32 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets everything: what comes next cannot be reached from what was. */
  clear(): void {
    this.#entries = [];
    this.#sizes = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** The version of the oldest entry; `undefined` when there is none. */
  get oldest(): number | undefined {
    return this.#entries[this.#head]?.version;
  }

  /**
   * The steps after `version`, oldest first: empty when there are none, `undefined` when the past does not
   * reach that far back.
   */
  since(version: number, current: number): readonly HistoryEntry[] | undefined {
    if (version === current) return [];
    const oldest = this.oldest;
    if (oldest === undefined || version < oldest - 1 || version > current) return undefined;
    return this.#entries.slice(this.#head + (version - (oldest - 1)));
  }
}
