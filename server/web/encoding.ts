import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { WebError } from './failure.js';

/** What undoes a content encoding (RFC 9110, section 8.4.1); `undefined` where there is nothing to undo. */
export function decoderOf(encoding: string | string[] | undefined): Transform | undefined {
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
      throw new WebError('answered with a content encoding that was not asked for');
  }
}
