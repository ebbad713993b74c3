import type { Json, JsonObject } from '../../../shared/json.js';
import { parsePointer } from '../../../shared/pointer.js';
import { SourceError } from '../source-error.js';
import { valueAt } from '../strategy/pointer.js';

/** Finds the record of a name in an answer; `undefined` if there is none. */
export type FindRecord = (name: string) => Json | undefined;

/**
 * Takes an answer for many apart: an object by its keys, a list of records by the field `by` of each, a name or a JSON
 * Pointer (RFC 6901). A number names as its digits do; of two records of one name the last counts, as of two members of
 * a JSON object.
 * @throws {SourceError} for an answer in which nobody can be found
 */
export function recordsOf(answer: Json, by: string | undefined, label: string): FindRecord {
  if (typeof answer !== 'object' || answer === null) {
    throw new SourceError(`${label} answered neither a list of records nor an object`);
  }
  if (!Array.isArray(answer)) {
    return (name) => (Object.hasOwn(answer, name) ? (answer as JsonObject)[name] : undefined);
  }
  if (by === undefined) {
    throw new SourceError(`${label} answered a list: set "by" to the field that names the records`);
  }
  const tokens = by.startsWith('/') ? parsePointer(by)! : [by];
  const records = new Map<string, Json>();
  for (const record of answer as readonly Json[]) {
    const name = valueAt(record, tokens);
    if (typeof name === 'string' || typeof name === 'number') records.set(String(name), record);
  }
  if (records.size === 0 && answer.length > 0) {
    throw new SourceError(`${label} answered records of which none has ${JSON.stringify(by)}`);
  }
  return (name) => records.get(name);
}
