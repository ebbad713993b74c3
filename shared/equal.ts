import { MAX_DEPTH } from './depth.js';
import type { Json, JsonObject } from './json.js';

/**
 * Whether two JSON values are the same: arrays in order, objects by members whatever their order (RFC 6902,
 * section 4.6); 0 and -0 are one number. Allocates nothing. Distinct values that agree down to {@link MAX_DEPTH} and
 * nest deeper still count as different: the safe answer where "equal" means that nothing needs to be done.
 */
export function equal(a: Json, b: Json): boolean {
  return a === b || equalWithin(a, b, MAX_DEPTH);
}

/** `a` and `b` are known not to be identical. */
function equalWithin(a: Json, b: Json, left: number): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || left === 0) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && equalArrays(a, b, left - 1);
  }
  return !Array.isArray(b) && equalObjects(a as JsonObject, b as JsonObject, left - 1);
}

function equalArrays(a: readonly Json[], b: readonly Json[], left: number): boolean {
  const { length } = a;
  if (length !== b.length) return false;
  for (let i = 0; i < length; i++) {
    const ours = a[i]!;
    const theirs = b[i]!;
    if (ours !== theirs && !equalWithin(ours, theirs, left)) return false;
  }
  return true;
}

function equalObjects(a: JsonObject, b: JsonObject, left: number): boolean {
  let unmatched = 0;
  // `for in` walks the engine's own key cache where `Object.keys` would make an array a node.
  for (const key in a) {
    const ours = a[key]!;
    const theirs = b[key];
    unmatched++;
    if (ours === theirs) continue;
    if (theirs === undefined || !equalWithin(ours, theirs, left)) return false;
    // Of what is inherited, only this is no function and might pass for JSON.
    if (key === '__proto__' && !Object.hasOwn(b, key)) return false;
  }
  for (const _key in b) unmatched--;
  return unmatched === 0;
}
