import type { Json, JsonObject } from '../../../shared/json.js';
import { parsePointer } from '../../../shared/pointer.js';
import { SourceError } from '../source-error.js';
import { valueAt } from '../strategy/pointer.js';

const SHOWN_CHARACTERS = 60;

/**
 * Turns a list of records into an object of them by one of their fields, so that a change of a record is a small patch
 * wherever in the list it stands. `key` is the name of the field, or a JSON Pointer where it begins with "/"; what lies
 * there must be text or a number, and unique.
 */
export function createKeying(key: string): (value: Json, label: string) => JsonObject {
  const tokens = key.startsWith('/') ? parsePointer(key) : [key];
  if (!tokens) throw new TypeError(`${JSON.stringify(key)} is no JSON Pointer.`);
  return (value, label) => {
    if (!Array.isArray(value)) throw new SourceError(`${label} answered no list to key by ${key}`);
    const records = new Map<string, Json>();
    for (const [index, record] of value.entries()) {
      const id = valueAt(record, tokens);
      if (typeof id !== 'string' && typeof id !== 'number') {
        throw new SourceError(
          `${label} answered a list whose element ${index} has no text or number at ${key}`,
        );
      }
      const name = String(id);
      if (records.has(name)) {
        throw new SourceError(`${label} answered a list with two elements whose ${key} is ${shown(name)}`);
      }
      records.set(name, record);
    }
    // Makes own properties of all of them, `__proto__` too.
    return Object.fromEntries(records);
  };
}

function shown(name: string): string {
  return JSON.stringify(name.length > SHOWN_CHARACTERS ? `${name.slice(0, SHOWN_CHARACTERS - 3)}...` : name);
}
