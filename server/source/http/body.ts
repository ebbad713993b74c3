import { decoderOf } from '../../web/encoding.js';
import { tooLarge } from './exchange.js';

interface Bounds {
  label: string;
  /** Of the body once it is inflated. */
  maxBytes: number;
  signal: AbortSignal;
}

/** Undoes the content encoding of a body. Stops at the byte that is one too many. */
export async function inflate(
  bytes: Buffer,
  encoding: string | undefined,
  { label, maxBytes, signal }: Bounds,
): Promise<Buffer> {
  const inflater = decoderOf(encoding);
  if (!inflater) return bytes;
  const callOff = () => inflater.destroy(signal.reason);
  signal.addEventListener('abort', callOff);
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    inflater.end(bytes);
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(label, maxBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  } finally {
    signal.removeEventListener('abort', callOff);
    inflater.destroy();
  }
}
