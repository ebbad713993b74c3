/** How much of a topic's past is kept for resume: the older end is dropped at either bound. */
export interface HistoryBounds {
  count: number;
  /** Of JSON text. */
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

/**
 * The last steps of one topic, bounded by count and by bytes, without holes: entry versions are consecutive.
 */
export class History {
  readonly #bounds: HistoryBounds;
  #entries: HistoryEntry[] = [];
  /** Entries before this index are dropped already; the array is compacted now and then. */
  #head = 0;
  #bytes = 0;

  constructor(bounds: HistoryBounds) {
    this.#bounds = bounds;
  }

  push(entry: HistoryEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.text.length;
    while (this.size > 0 && (this.size > this.#bounds.count || this.#bytes > this.#bounds.bytes)) {
      this.#bytes -= this.#entries[this.#head]!.text.length;
      this.#head += 1;
    }
    if (this.#head > 32 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets everything: what comes next cannot be reached from what was. */
  clear(): void {
    this.#entries = [];
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
