import { isTooDeep, MAX_DEPTH } from '../../../shared/depth.js';
import type { Json } from '../../../shared/json.js';
import { SourceError } from '../source-error.js';

const MAX_LENGTH = 16 * 1024 * 1024;

/**
 * What a text of Redis stands for. With a `label` it must be JSON; without one it is itself where it is no JSON.
 * @throws {SourceError} also for JSON that is nested too deep, or a text of more than 16 Mi characters
 */
export function parseStored(text: string, label?: string): Json {
  const name = label ?? 'a text in Redis';
  if (text.length > MAX_LENGTH) throw new SourceError(`${name} is longer than ${MAX_LENGTH} characters`);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    if (label === undefined) return text;
    throw new SourceError(`${name} ${text === '' ? 'is empty' : 'is no JSON'}`);
  }
  if (isTooDeep(value)) throw new SourceError(`${name} nests deeper than ${MAX_DEPTH} levels`);
  return value;
}
