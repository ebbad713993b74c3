/** The end of a chunked answer (RFC 9112 section 7.1). */
export const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** Up to so many bytes are copied into one piece, which is cheaper than a vectored write. */
const COPY_BYTES = 16 * 1024;
const LINE_BREAK = Buffer.from('\r\n');

/** What one flush has for each reader is the same bytes: the chunk made for the first serves all. */
let last: { bytes: Uint8Array; chunk: readonly Uint8Array[] } | undefined;

/** One chunk (RFC 9112 section 7.1) of all `parts`, in as many pieces of memory as are good to write. Not to be changed. */
export function httpChunk(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const alone = parts.length === 1 ? parts[0] : undefined;
  if (alone && last?.bytes === alone) return last.chunk;
  const chunk = makeChunk(parts);
  if (alone && chunk.length === 1) last = { bytes: alone, chunk };
  return chunk;
}

function makeChunk(parts: readonly Uint8Array[]): Uint8Array[] {
  let length = 0;
  for (const part of parts) length += part.length;
  const pieces = [Buffer.from(`${length.toString(16)}\r\n`, 'latin1'), ...parts, LINE_BREAK];
  return length <= COPY_BYTES ? [Buffer.concat(pieces)] : pieces;
}
