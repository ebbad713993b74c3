import type { Json } from './json.js';

/** One operation of a JSON Patch (RFC 6902). Paths are JSON Pointers (RFC 6901). */
export type PatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: Json }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; from: string; path: string };

/**
 * Applies a JSON Patch and returns the new document; `document` stays exactly as it was, whether the patch
 * applies or not. Untouched subtrees are shared between the two.
 *
 * @throws {HeadwaterError} `patch_invalid` for a malformed operation or pointer, `patch_conflict` where it does not apply.
 */
export function applyPatch(_document: Json, _patch: readonly PatchOperation[]): Json {
  throw new Error('not built yet');
}
