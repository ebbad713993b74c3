import type { Connection, Outlet } from '../hub/connection.js';
import type { Hub } from '../hub/hub.js';
import type { WireFormat } from '../hub/wire.js';
import type { ResponseStream } from '../loop/policy.js';
import type { Guest } from './gatekeeper.js';

const COMMENT = Buffer.from(':\n\n');

/** The outlet of one event stream. What is written before it opens is kept and leaves first. */
export interface EventStreamOutlet extends Outlet {
  /** What the hub knows it by. */
  readonly connection: Connection;
  /** Begins the stream: `greeting`, what was written so far, `position`; from then on each write ends with `trailer`. */
  open(
    stream: ResponseStream,
    greeting: Uint8Array,
    position: Uint8Array | undefined,
    trailer: (() => Uint8Array) | undefined,
  ): void;
  /** Everything written has left. */
  drained(): void;
  /** The stream is over, or never began. Idempotent. */
  ended(): void;
}

/** Connects one to the hub, which forgets it, and lets `guest` leave, however the stream ends. */
export function eventStreamOutlet(hub: Hub, guest: Guest, format: WireFormat): EventStreamOutlet {
  return new StreamOutlet(hub, guest, format);
}

/** A class, for there may be tens of thousands of them. */
class StreamOutlet implements EventStreamOutlet {
  readonly format: WireFormat;
  readonly connection: Connection;
  readonly #hub: Hub;
  readonly #guest: Guest;
  /** What was written before it opened. */
  #early: Uint8Array[] | undefined = [];
  #stream: ResponseStream | undefined;
  #trailer: (() => Uint8Array) | undefined;
  #finishing = false;
  #over = false;

  constructor(hub: Hub, guest: Guest, format: WireFormat) {
    this.format = format;
    this.#hub = hub;
    this.#guest = guest;
    this.connection = hub.connect(this);
  }

  get transport(): 'sse' {
    return 'sse';
  }

  get answersBeats(): boolean {
    return false;
  }

  get bufferedBytes(): number {
    if (this.#stream) return this.#stream.bufferedBytes;
    let bytes = 0;
    for (const { length } of this.#early ?? []) bytes += length;
    return bytes;
  }

  open(
    stream: ResponseStream,
    greeting: Uint8Array,
    position: Uint8Array | undefined,
    trailer: (() => Uint8Array) | undefined,
  ): void {
    const first = [greeting, ...(this.#early ?? []), ...(position ? [position] : [])];
    this.#stream = stream;
    this.#trailer = trailer;
    this.#early = undefined;
    stream.cork(() => {
      for (const chunk of first) stream.write(chunk);
    });
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const stream = this.#stream;
    const trailer = this.#trailer;
    if (!stream) {
      this.#early?.push(...chunks);
      return false;
    }
    if (chunks.length === 1 && !trailer) return stream.write(chunks[0]!);
    stream.cork(() => {
      for (const chunk of chunks) stream.write(chunk);
      if (trailer) stream.write(trailer());
    });
    return stream.bufferedBytes === 0;
  }

  beat(): void {
    this.#stream?.write(COMMENT);
  }

  drained(): void {
    if (this.#finishing) {
      this.#stream?.end();
      this.ended();
    }
    this.#hub.drained(this.connection);
  }

  finish(last: readonly Uint8Array[], reconnectAfter: number): void {
    const stream = this.#stream;
    const trailer = this.#trailer;
    // Whoever still reads gets all of it; who does not is cut when the server has waited long enough.
    this.#finishing = stream !== undefined && stream.bufferedBytes > 0;
    stream?.cork(() => {
      for (const chunk of last) stream.write(chunk);
      if (trailer) stream.write(trailer());
      stream.write(Buffer.from(`retry: ${reconnectAfter}\n\n`));
      if (!this.#finishing) stream.end();
    });
    if (!this.#finishing) this.ended();
  }

  drop(): void {
    this.#stream?.destroy();
    this.ended();
  }

  ended(): void {
    if (this.#over) return;
    this.#over = true;
    this.#hub.disconnect(this.connection);
    this.#guest.leave();
  }
}
