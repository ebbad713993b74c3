const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Cuts bytes that come in pieces of any size into lines. */
export interface LineSplitter {
  /** Calls `line` with each line that ends in this piece. @throws {RangeError} for one above the bound */
  feed(bytes: Buffer): void;
  /** What follows the last line end; empty if nothing does. */
  rest(): Buffer;
}

/**
 * `line` gets each line without its end (LF or CRLF): bytes rather than text, since a piece may end within a character.
 * `maxBytes` is for one line.
 */
export function createLineSplitter(line: (bytes: Buffer) => void, maxBytes: number): LineSplitter {
  // Joined once a line, so that a long one costs no more than its length.
  let unfinished: Buffer[] = [];
  let size = 0;

  function add(piece: Buffer): void {
    size += piece.length;
    if (size > maxBytes) throw new RangeError(`a line longer than ${maxBytes} bytes`);
    unfinished.push(piece);
  }

  function take(): Buffer {
    const whole = unfinished.length === 1 ? unfinished[0]! : Buffer.concat(unfinished, size);
    unfinished = [];
    size = 0;
    return whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole;
  }

  return {
    feed(bytes) {
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
        add(bytes.subarray(start, end));
        line(take());
        start = end + 1;
      }
      if (start < bytes.length) add(bytes.subarray(start));
    },
    rest: take,
  };
}
