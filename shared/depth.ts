import type { Json } from './json.js';

/**
 * The deepest nesting that Headwater works on: arrays and objects within each other, the outermost counting as one.
 * RFC 8259, section 9 leaves the limit to the implementation. `JSON.parse` takes any depth, but `JSON.stringify`
 * overflows the stack at some thousands, so what arrives from outside is held to a bound far below that.
 */
export const MAX_DEPTH = 256;

/** Whether `value` nests deeper than {@link MAX_DEPTH}. Safe on any depth; costs one walk over the containers. */
export function isTooDeep(value: Json): boolean {
  return exceeds(value, MAX_DEPTH);
}

function exceeds(value: Json, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (exceeds(value[i]!, left - 1)) return true;
    return false;
  }
  const object = value as { [key: string]: Json };
  for (const key in object) if (exceeds(object[key]!, left - 1)) return true;
  return false;
}
