import { createHash } from 'node:crypto';

/** 72 bits: two streams of one server never share it by chance. */
const BYTES = 9;

/**
 * A short name of where a stream comes from, by all that tells it from others, which does not show in it. It stays the
 * same over restarts, and must not change with a new version of the program.
 */
export function originOf(...parts: readonly unknown[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  return digest.subarray(0, BYTES).toString('base64url');
}
