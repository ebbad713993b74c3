import { isTooDeep, MAX_DEPTH } from './depth.js';
import { HeadwaterError } from './errors.js';
import type { Json, JsonObject } from './json.js';
import { isUnsafeKey } from './pointer.js';

/**
 * Applies a JSON Merge Patch (RFC 7396) and returns the new document: members of `patch` replace those of `target`,
 * `null` removes, anything but an object replaces the whole. `target` stays as it was and shares what `patch` does
 * not touch.
 *
 * @throws {HeadwaterError} `patch_invalid` for a patch that goes through a member named `__proto__`, `constructor` or
 * `prototype`, or that nests deeper than {@link MAX_DEPTH}.
 */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (isTooDeep(patch)) {
    throw new HeadwaterError('patch_invalid', `The merge patch nests deeper than ${MAX_DEPTH} levels.`);
  }
  return merge(target, patch);
}

function merge(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged: { [key: string]: Json } = isObject(target) ? { ...target } : {};
  for (const key of Object.keys(patch)) {
    if (isUnsafeKey(key)) {
      throw new HeadwaterError(
        'patch_invalid',
        `The merge patch must not go through a member named "${key}".`,
      );
    }
    const change = patch[key]!;
    if (change === null) delete merged[key];
    else merged[key] = merge(Object.hasOwn(merged, key) ? merged[key] : undefined, change);
  }
  return merged;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
