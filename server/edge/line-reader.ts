/** Cuts a stream of bytes into lines, holding no more than one chunk and one line. */
export interface LineReader {
  /** Takes bytes, which are copied. */
  push(bytes: Uint8Array): void;
  /** The next line, without its end (LF or CR LF); `undefined`: none is complete. */
  next(): string | typeof TOO_LONG | undefined;
  /** No more bytes will come: what has no end yet is the last line. */
  finish(): void;
}

/** In place of a line that is longer than allowed. Its bytes are skipped, however many there are. */
export const TOO_LONG = Symbol('a line that is too long');

const NOTHING = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;

/** `maxBytes`: of a line, its end not counted. */
export function createLineReader(maxBytes: number): LineReader {
  let rest: Buffer = NOTHING;
  /** The end of a line that was too long is still to come. */
  let skipping = false;

  return {
    push(bytes) {
      rest = Buffer.concat([rest, bytes]);
    },
    next() {
      if (skipping) {
        const end = rest.indexOf(LF);
        rest = end < 0 ? NOTHING : rest.subarray(end + 1);
        if (end < 0) return undefined;
        skipping = false;
      }
      const end = rest.indexOf(LF);
      if (end < 0) {
        // With its CR, if that is what comes last.
        skipping = rest.length > maxBytes + 1;
        // A copy, so that a few bytes do not keep the whole chunk.
        rest = skipping ? NOTHING : Buffer.from(rest);
        return skipping ? TOO_LONG : undefined;
      }
      const length = end > 0 && rest[end - 1] === CR ? end - 1 : end;
      const line = length > maxBytes ? TOO_LONG : rest.toString('utf8', 0, length);
      rest = rest.subarray(end + 1);
      return line;
    },
    finish() {
      if (rest.length > 0 && rest.at(-1) !== LF) rest = Buffer.concat([rest, Buffer.of(LF)]);
    },
  };
}
