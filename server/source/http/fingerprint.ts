import { createHash } from 'node:crypto';

/** Up to here a body is kept as it is: comparing is much faster than a digest, which a larger one gets for its size. */
const KEPT_BYTES = 64 * 1024;

/** By which a body is known again. */
export function fingerprintOf(body: Buffer): Buffer {
  return body.length <= KEPT_BYTES ? body : createHash('sha256').update(body).digest();
}
