import type { Json, JsonObject } from './json.js';

/**
 * The deepest nesting that Headwater works on: arrays and objects within each other, the outermost counting as one.
 * RFC 8259, section 9 leaves the limit to the implementation. `JSON.parse` takes any depth, but `JSON.stringify`
 * overflows the stack at some thousands, so what arrives from outside is held to a bound far below that.
 */
export const MAX_DEPTH = 256;

/**
 * Whether `value` nests deeper than {@link MAX_DEPTH}. Safe on any depth; costs one walk over the containers, apart from
 * those that `known`, a value that is not too deep, has at the same place.
 */
export function isTooDeep(value: Json, known?: Json): boolean {
  return exceeds(value, known, MAX_DEPTH);
}

function exceeds(value: Json, known: Json | undefined, left: number): boolean {
  if (typeof value !== 'object' || value === null || value === known) return false;
  if (left === 0) return true;
  if (Array.isArray(value)) {
    const others = Array.isArray(known) ? known : NOTHING;
    for (let i = 0; i < value.length; i++) if (exceeds(value[i]!, others[i], left - 1)) return true;
    return false;
  }
  return membersExceed(value as JsonObject, known, left);
}

function membersExceed(object: JsonObject, known: Json | undefined, left: number): boolean {
  const others = typeof known === 'object' && known !== null ? (known as JsonObject) : undefined;
  for (const key in object) {
    const member = object[key]!;
    // What a known object inherits is no part of any value, so it is never mistaken for a member.
    if (typeof member === 'object' && exceeds(member, others?.[key], left - 1)) return true;
  }
  return false;
}

const NOTHING: readonly Json[] = [];
