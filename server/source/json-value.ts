import { MAX_DEPTH } from '../../shared/depth.js';
import type { HeadwaterError } from '../../shared/errors.js';
import type { Json, JsonObject } from '../../shared/json.js';
import { escapeToken } from '../../shared/pointer.js';
import { SourceError } from './source-error.js';

/**
 * A copy of `value` if it is JSON: null, booleans, finite numbers, strings, arrays without holes and plain objects of
 * these. A copy, because whoever made the value may go on working with it, and committed values must never change. It
 * nests at most {@link MAX_DEPTH} levels deep.
 *
 * Where a part is equal to what `held` has at the same place (apart from the order of members), that of `held` stands
 * in the copy: a large value of which little changed costs no memory, and what compares both skips what they share.
 *
 * @throws what `refuse` makes (default {@link SourceError}), with the path (a JSON Pointer) and the kind of what is no JSON
 */
export function copyJson(value: unknown, label: string, options: CopyOptions = {}): Json {
  const { held, refuse = sourceFailed } = options;
  return copy(value, held, { label, refuse, path: [], above: [] }, 0);
}

export interface CopyOptions {
  /** A value that never changes, of which the copy may share parts; default: none. A part that is its own is not looked into. */
  held?: Json | undefined;
  /** Makes the error for what is no JSON. */
  refuse?: (message: string) => HeadwaterError;
}

const sourceFailed = (message: string) => new SourceError(message);

/** An object in the making. */
type Members = { [key: string]: Json };

/** Of both lists, as many are valid as the value at hand lies deep. */
interface Walk {
  label: string;
  refuse: (message: string) => HeadwaterError;
  path: (string | number)[];
  /** The containers that the one at hand lies in. */
  above: object[];
}

function copy(value: unknown, held: Json | undefined, walk: Walk, depth: number): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw refused(walk, depth, String(value));
      return value;
    case 'object':
      return value === null ? null : copyContainer(value, held, walk, depth);
    default:
      throw refused(walk, depth, typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
  }
}

function copyContainer(container: object, held: Json | undefined, walk: Walk, depth: number): Json {
  const { above } = walk;
  // Values are mostly shallow, so a look at each costs less than a set of them.
  for (let i = 0; i < depth; i++) {
    if (above[i] === container) throw refused(walk, depth, 'a reference to what it lies in');
  }
  if (depth === MAX_DEPTH) throw refused(walk, depth, `nesting deeper than ${MAX_DEPTH} levels`);
  above[depth] = container;
  if (Array.isArray(container)) {
    return copyArray(container, Array.isArray(held) ? held : undefined, walk, depth);
  }
  const alike = typeof held === 'object' && held !== null && !Array.isArray(held);
  return copyObject(container, alike ? (held as JsonObject) : undefined, walk, depth);
}

function copyArray(
  array: readonly unknown[],
  held: readonly Json[] | undefined,
  walk: Walk,
  depth: number,
): Json {
  // Made at the first difference from `held`.
  let copied: Json[] | undefined = held ? undefined : [];
  for (let i = 0; i < array.length; i++) {
    const before = held?.[i];
    const element = array[i];
    let value = before as Json;
    if (element !== before || element === undefined) {
      walk.path[depth] = i;
      value = copy(element, before, walk, depth + 1);
    }
    if (!copied) {
      if (value === before) continue;
      copied = held!.slice(0, i);
    }
    copied.push(value);
  }
  if (copied) return copied;
  return held!.length === array.length ? (held as Json[]) : held!.slice(0, array.length);
}

function copyObject(object: object, held: JsonObject | undefined, walk: Walk, depth: number): Json {
  const prototype = Object.getPrototypeOf(object);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(walk, depth, `a ${object.constructor?.name || 'class instance'}`);
  }
  const keys = Object.keys(object);
  let copied: Members | undefined = held ? undefined : {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    // What is inherited under any other name is a function, and what is not there undefined: neither is JSON.
    const before = key === '__proto__' ? undefined : held?.[key];
    const member = (object as Record<string, unknown>)[key];
    let value = before as Json;
    if (member !== before || member === undefined || typeof member === 'function') {
      walk.path[depth] = key;
      value = copy(member, before, walk, depth + 1);
    }
    if (!copied) {
      if (value === before) continue;
      copied = pick(held!, keys, i);
    }
    if (key === '__proto__')
      Object.defineProperty(copied, key, { value, enumerable: true, writable: true, configurable: true });
    else copied[key] = value;
  }
  if (copied) return copied;
  return hasMembers(held!, keys.length) ? held! : pick(held!, keys, keys.length);
}

/** The first `count` of the members that `keys` names; `__proto__` is not among them. */
function pick(object: JsonObject, keys: readonly string[], count: number): Members {
  const picked: Members = {};
  for (let i = 0; i < count; i++) picked[keys[i]!] = object[keys[i]!]!;
  return picked;
}

function hasMembers(object: JsonObject, count: number): boolean {
  let members = 0;
  for (const _key in object) members++;
  return members === count;
}

function refused({ label, refuse, path }: Walk, depth: number, what: string): HeadwaterError {
  const pointer = path
    .slice(0, depth)
    .map((token) => `/${escapeToken(token)}`)
    .join('');
  const place = pointer === '' ? '' : ` at ${pointer.length > 120 ? `${pointer.slice(0, 117)}...` : pointer}`;
  return refuse(`${label} gave ${what}${place}, which is no JSON`);
}
