import type { Json } from '../../../shared/json.js';
import { createKeying } from './array.js';
import { createSelect } from './select.js';

/** What is kept of an answer, and in which form. */
export interface ShapeOptions {
  /** A JSON Pointer (`/data/list`) or a JSONata expression: the part that is kept. */
  select?: string | undefined;
  /** Turns a list of records into an object keyed by a field of theirs, a name or a JSON Pointer. */
  array?: { key: string } | undefined;
}

/** Makes the value out of an answer, which is its own to change. Throws a {@link SourceError} for one that does not have what it takes. */
export type Shape = (value: Json, label: string) => Json | Promise<Json>;

/** First `select`, then `array`; `undefined` where there is nothing to do. */
export function createShape({ select, array }: ShapeOptions): Shape | undefined {
  const pick = select === undefined ? undefined : createSelect(select);
  const keying = array && createKeying(array.key);
  if (!pick || !keying) return pick ?? keying;
  return async (value, label) => keying(await pick(value, label), label);
}
