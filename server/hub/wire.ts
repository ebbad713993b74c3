/** One message as JSON text, and the cursor it leaves the reader at (absent: it moves none). */
export interface Part {
  readonly text: string;
  readonly cursor?: string | undefined;
}

/** About what one takes of memory beside its text. */
export const PART_BYTES = 150;

/** How an edge puts messages on the wire. One object a format: its identity keys the cache of encoded bytes. */
export interface WireFormat {
  /** The bytes of one or more messages that were ready together. */
  encode(parts: readonly Part[]): Uint8Array;
}

/** Messages that go to many connections: encoded at most once a format, whatever the number of readers. */
export class Encoded {
  readonly parts: readonly Part[];
  readonly #bytes = new Map<WireFormat, Uint8Array>();
  #payloadBytes: number | undefined;

  constructor(parts: readonly Part[]) {
    this.parts = parts;
  }

  /** How many formats it was encoded in so far. */
  get encodings(): number {
    return this.#bytes.size;
  }

  /** Bytes of the messages themselves, as JSON text: the same in every format. */
  get payloadBytes(): number {
    if (this.#payloadBytes === undefined) {
      this.#payloadBytes = 0;
      for (const { text } of this.parts) this.#payloadBytes += Buffer.byteLength(text);
    }
    return this.#payloadBytes;
  }

  /** About what it takes of memory now: its messages, and their bytes in each format it was encoded in. */
  get heldBytes(): number {
    let held = this.payloadBytes + this.parts.length * PART_BYTES;
    for (const { length } of this.#bytes.values()) held += length;
    return held;
  }

  bytes(format: WireFormat): Uint8Array {
    let bytes = this.#bytes.get(format);
    if (!bytes) {
      bytes = format.encode(this.parts);
      this.#bytes.set(format, bytes);
    }
    return bytes;
  }
}
