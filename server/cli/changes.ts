import type { Json, JsonObject } from '../../shared/json.js';

/** One place where two values differ; `undefined` where one of them has nothing there. */
export interface Change {
  /** A JSON Pointer (RFC 6901). */
  readonly pointer: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** Every place where two values differ, as deep as it goes, in the order of the later value. */
export function changesBetween(before: Json | undefined, after: Json | undefined, pointer = ''): Change[] {
  if (before === after) return [];
  if (!sameShape(before, after)) return [{ pointer, before, after }];
  const left = before as JsonObject;
  const right = after as JsonObject;
  const keys = new Set([...Object.keys(right), ...Object.keys(left)]);
  return [...keys].flatMap((key) =>
    changesBetween(ownOf(left, key), ownOf(right, key), `${pointer}/${escapeStep(key)}`),
  );
}

/** Arrays are compared index by index, as objects are key by key. */
function sameShape(a: Json | undefined, b: Json | undefined): boolean {
  const bothObjects = typeof a === 'object' && a !== null && typeof b === 'object' && b !== null;
  return bothObjects && Array.isArray(a) === Array.isArray(b);
}

function ownOf(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function escapeStep(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
