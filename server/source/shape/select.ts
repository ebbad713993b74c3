import type { Json } from '../../../shared/json.js';
import { parsePartPointer } from '../../../shared/pointer.js';
import { valueAt } from '../strategy/pointer.js';
import { createExpression } from './expression.js';
import { NothingSelected } from './nothing.js';

/**
 * Keeps a part of a value: what lies at a JSON Pointer (`/data/list`, or as a fragment `#/data/list`), or else what a
 * JSONata expression makes of it.
 */
export function createSelect(selection: string): (value: Json, label: string) => Json | Promise<Json> {
  if (!/^#?\//.test(selection)) return createExpression(selection);
  const tokens = parsePartPointer(selection);
  if (!tokens) throw new TypeError(`${JSON.stringify(selection)} is no JSON Pointer.`);
  return (value, label) => {
    const part = valueAt(value, tokens);
    if (part === undefined) throw new NothingSelected(`${label} answered nothing at ${selection}`);
    return part;
  };
}
