/** The end of a chunked answer (RFC 9112 section 7.1). */
export const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** Up to so many bytes are copied into one piece, which is cheaper than a vectored write. */
const COPY_BYTES = 16 * 1024;
const LINE_BREAK = Buffer.from('\r\n');

/** What one flush has for each reader is the same bytes: the chunk made for the first serves all. */
let last: { bytes: Uint8Array; chunk: readonly Uint8Array[] } | undefined;

/** One chunk (RFC 9112 section 7.1) of all `parts`, in as many pieces of memory as are good to write. Not to be changed. */
export function httpChunk(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  return parts.length === 1 ? chunkOf(parts[0]!) : makeChunk(parts);
}

/** The same of one part: for a crowd that is written the same there is nothing to make. */
export function chunkOf(bytes: Uint8Array): readonly Uint8Array[] {
  if (last?.bytes === bytes) return last.chunk;
  const chunk = makeChunk([bytes]);
  if (chunk.length === 1) last = { bytes, chunk };
  return chunk;
}

function makeChunk(parts: readonly Uint8Array[]): Uint8Array[] {
  let length = 0;
  for (const part of parts) length += part.length;
  const pieces = [Buffer.from(`${length.toString(16)}\r\n`, 'latin1'), ...parts, LINE_BREAK];
  return length <= COPY_BYTES ? [Buffer.concat(pieces)] : pieces;
}
