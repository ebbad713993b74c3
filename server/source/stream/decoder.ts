import { createEventStreamParser } from '../../../shared/client/event-stream-parser.js';
import { SourceError } from '../source-error.js';
import { readMessage } from './json-message.js';
import { createLineSplitter } from './ndjson.js';
import type { Pushed } from './push-source.js';

/** Makes messages of the bytes of one connection. */
export interface Decoder {
  /** Calls `push` with what these bytes complete. @throws {SourceError} for a message above the bound */
  feed(bytes: Buffer): void;
  /** Calls `push` with what the orderly end of the stream completes. */
  end(): void;
}

export interface DecoderOptions {
  label: string;
  /** Of event streams: only events of these names are messages; `message`: those without one. Absent: all. */
  events?: readonly string[] | undefined;
  /** Of event streams: the id behind which this one goes on, in force until it gives another. */
  after?: string | undefined;
  /** Of one message. */
  maxBytes: number;
  /** Hears of `retry:`, in ms. */
  onRetry: (ms: number) => void;
  push: (item: Pushed) => void;
}

export type StreamFormat = 'sse' | 'ndjson';

/**
 * `sse`: the data of each event is a message (WHATWG HTML, section 9.2), unless its name is not wanted; its id is where
 * the stream stands then. A comment is a sign of life, and so is an event that is not wanted. `ndjson`: each line is a
 * message, and an empty one a sign of life.
 */
export function createDecoder(format: StreamFormat, options: DecoderOptions): Decoder {
  return format === 'sse' ? eventStreamDecoder(options) : lineDecoder(options);
}

function eventStreamDecoder({ label, events, after = '', maxBytes, onRetry, push }: DecoderOptions): Decoder {
  const text = new TextDecoder();
  /** Empty counts only after another: then the upstream took its id back. */
  let at = after === '' ? undefined : after;
  const moved = (id: string) => {
    if (id !== '' || at !== undefined) at = id;
    return at;
  };
  const parse = createEventStreamParser(
    {
      event(data, id, type) {
        const at = moved(id);
        push(!events || events.includes(type) ? readMessage(data, label, at) : { kind: 'alive', at });
      },
      id: (id) => push({ kind: 'alive', at: moved(id) }),
      comment: () => push({ kind: 'alive' }),
      retry: onRetry,
    },
    maxBytes,
    after,
  );
  return {
    feed: (bytes) => bounded(label, maxBytes, () => parse(text.decode(bytes, { stream: true }))),
    // An event that the end cuts off does not count, as the standard says.
    end() {},
  };
}

function lineDecoder({ label, maxBytes, push }: DecoderOptions): Decoder {
  const splitter = createLineSplitter((line) => push(read(line)), maxBytes);
  const text = new TextDecoder('utf-8', { fatal: true });

  function read(line: Buffer): Pushed {
    if (line.length === 0) return { kind: 'alive' };
    try {
      return readMessage(text.decode(line), label);
    } catch (cause) {
      const error = new SourceError(`${label} sent a line that is no UTF-8`, { cause });
      return { kind: 'fault', error };
    }
  }

  return {
    feed: (bytes) => bounded(label, maxBytes, () => splitter.feed(bytes)),
    end() {
      const rest = splitter.rest();
      if (rest.length > 0) push(read(rest));
    },
  };
}

function bounded(label: string, maxBytes: number, work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `${label} sent a message of more than ${maxBytes} bytes; raise maxBytes to accept it`;
    throw new SourceError(message, { cause });
  }
}
