import { finished, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { SourceError } from '../source-error.js';
import type { HttpResponse } from './client.js';

interface Bounds {
  label: string;
  /** Of the body as it comes and as it inflates. */
  maxBytes: number;
  signal: AbortSignal;
}

/** Reads and inflates a whole body. Stops, and cuts the connection, at the byte that is one too many. */
export async function readBody(response: HttpResponse, bounds: Bounds): Promise<Buffer> {
  const { label, maxBytes, signal } = bounds;
  const { body, headers } = response;
  const announced = Number(headers['content-length']);
  try {
    if (announced > maxBytes) throw tooLarge(bounds);
    const inflater = inflaterOf(headers['content-encoding'], label);
    if (!inflater) return await collect(body, bounds);
    // `pipe` passes no failure on: a body that breaks off would leave the inflater waiting.
    const unhook = finished(body, { writable: false }, (error) => error && inflater.destroy(error));
    signal.addEventListener('abort', () => inflater.destroy(signal.reason), { once: true });
    try {
      return await collect(body.pipe(inflater), bounds);
    } finally {
      unhook();
      inflater.destroy();
    }
  } finally {
    // Frees the socket where reading ended early; after a whole body it does nothing.
    body.on('error', ignoreAfterwards).destroy();
  }
}

async function collect(stream: Readable, bounds: Bounds): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bounds.maxBytes) throw tooLarge(bounds);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function inflaterOf(encoding: string | string[] | undefined, label: string) {
  switch (encoding) {
    case undefined:
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new SourceError(`${label} answered with a content encoding that was not asked for`);
  }
}

function tooLarge({ label, maxBytes }: Bounds): SourceError {
  return new SourceError(`${label} answered more than ${maxBytes} bytes; raise maxBytes to accept it`);
}

/** Why reading ended was told already; destroying the stream says it once more. */
function ignoreAfterwards(): void {}
