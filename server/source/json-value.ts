import { MAX_DEPTH } from '../../shared/depth.js';
import type { HeadwaterError } from '../../shared/errors.js';
import type { Json } from '../../shared/json.js';
import { escapeToken } from '../../shared/pointer.js';
import { SourceError } from './source-error.js';

/**
 * A copy of `value` if it is JSON: null, booleans, finite numbers, strings, arrays without holes and plain objects of
 * these. A copy, because whoever made the value may go on working with it, and committed values must never change.
 *
 * @throws what `refuse` makes (default {@link SourceError}), with the path (a JSON Pointer) and the kind of what is no JSON
 */
export function copyJson(value: unknown, label: string, refuse: Refuse = sourceFailed): Json {
  return copy(value, { label, refuse, path: [], above: new Set() });
}

/** Makes the error for what is no JSON. */
type Refuse = (message: string) => HeadwaterError;

const sourceFailed: Refuse = (message) => new SourceError(message);

interface Walk {
  label: string;
  refuse: Refuse;
  path: (string | number)[];
  /** The containers that the one at hand lies in. */
  above: Set<object>;
}

function copy(value: unknown, walk: Walk): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw refused(walk, String(value));
      return value;
    case 'object':
      return value === null ? null : copyContainer(value, walk);
    default:
      throw refused(walk, typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
  }
}

function copyContainer(container: object, walk: Walk): Json {
  const { path, above } = walk;
  if (above.has(container)) throw refused(walk, 'a reference to what it lies in');
  if (above.size === MAX_DEPTH) throw refused(walk, `nesting deeper than ${MAX_DEPTH} levels`);
  above.add(container);
  const copied = Array.isArray(container) ? copyArray(container, walk) : copyObject(container, walk);
  above.delete(container);
  path.length = above.size;
  return copied;
}

function copyArray(array: readonly unknown[], walk: Walk): Json {
  const depth = walk.path.length;
  return Array.from(array, (element, index) => {
    walk.path[depth] = index;
    walk.path.length = depth + 1;
    return copy(element, walk);
  });
}

function copyObject(object: object, walk: Walk): Json {
  const prototype = Object.getPrototypeOf(object);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(walk, `a ${object.constructor?.name || 'class instance'}`);
  }
  const depth = walk.path.length;
  const copied: { [key: string]: Json } = {};
  for (const [key, member] of Object.entries(object)) {
    walk.path[depth] = key;
    walk.path.length = depth + 1;
    const value = copy(member, walk);
    if (key === '__proto__')
      Object.defineProperty(copied, key, { value, enumerable: true, writable: true, configurable: true });
    else copied[key] = value;
  }
  return copied;
}

function refused({ label, refuse, path }: Walk, what: string): HeadwaterError {
  const pointer = path.map((token) => `/${escapeToken(token)}`).join('');
  const place = pointer === '' ? '' : ` at ${pointer.length > 120 ? `${pointer.slice(0, 117)}...` : pointer}`;
  return refuse(`${label} gave ${what}${place}, which is no JSON`);
}
