import fc from 'fast-check';
import type { Json } from '../../shared/json.js';

/** Member names that break careless code: pointer syntax, prototypes, indices, nothing at all. */
const AWKWARD_KEYS = [
  '',
  '~',
  '/',
  '~1',
  '~0',
  'a/b',
  'm~n',
  '0',
  '01',
  '-',
  '-1',
  '1e0',
  'é',
  '\u{1f30a}',
  'id',
  'length',
  'toString',
  'hasOwnProperty',
];
const UNSAFE_KEYS = ['__proto__', 'constructor', 'prototype'];

interface Options {
  /** Whether `__proto__`, `constructor` and `prototype` may be member names. Default true. */
  unsafeKeys?: boolean;
}

/** Any JSON value, biased towards awkward keys, small key sets (so that two values overlap) and arrays of records. */
export function json({ unsafeKeys = true }: Options = {}): fc.Arbitrary<Json> {
  const key = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...AWKWARD_KEYS, ...(unsafeKeys ? UNSAFE_KEYS : [])),
    },
    {
      weight: 1,
      arbitrary: fc.string({ unit: 'grapheme' }).filter((text) => unsafeKeys || !UNSAFE_KEYS.includes(text)),
    },
  );
  const leaf = fc.oneof(
    fc.constantFrom<Json>(null, true, false, 0, -0, 1, '', 'x', '0'),
    fc.integer({ min: 0, max: 5 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'grapheme', maxLength: 5 }),
  );
  return fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 8 }),
      fc.array(leaf, { maxLength: 12 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), tie('value')), { maxLength: 8 }).map(records),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map(object),
    ),
  })).value;
}

/** Two documents of which the second is the first after some random edits, so that they share most of their paths. */
export function relatedPair(options: Options = {}): fc.Arbitrary<[Json, Json]> {
  const edit = fc.record({
    at: fc.array(fc.nat(), { maxLength: 6 }),
    kind: fc.constantFrom<Edit['kind']>('set', 'insert', 'remove', 'swap'),
    value: json(options),
  });
  return fc
    .tuple(json(options), fc.array(edit, { minLength: 1, maxLength: 6 }))
    .map(([document, edits]) => [document, edits.reduce<Json>(applyEdit, structuredClone(document))]);
}

interface Edit {
  at: number[];
  kind: 'set' | 'insert' | 'remove' | 'swap';
  value: Json;
}

function applyEdit(document: Json, { at, kind, value }: Edit): Json {
  if (typeof document !== 'object' || document === null) return value;
  const [choice = 0, ...rest] = at;
  if (Array.isArray(document)) {
    const list = document.slice();
    const index = choice % (list.length + 1);
    if (rest.length > 0 && index < list.length) {
      list[index] = applyEdit(list[index]!, { at: rest, kind, value });
    } else if (kind === 'insert') list.splice(index, 0, value);
    else if (kind === 'remove') list.splice(index, 1);
    else if (kind === 'swap' && index < list.length) list.push(...list.splice(index, 1));
    else if (index < list.length) list[index] = value;
    return list;
  }
  const entries = Object.entries(document);
  const index = choice % (entries.length + 1);
  const entry = entries[index];
  if (entry && rest.length > 0) entries[index] = [entry[0], applyEdit(entry[1], { at: rest, kind, value })];
  else if (!entry || kind === 'insert') entries.push([`new${choice % 3}`, value]);
  else if (kind === 'remove') entries.splice(index, 1);
  else entries[index] = [entry[0], value];
  return object(entries);
}

/** As `JSON.parse` makes it: `__proto__` becomes an own member. */
function object(entries: [string, Json][]): Json {
  const made: { [key: string]: Json } = {};
  for (const [key, value] of entries) {
    Object.defineProperty(made, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return made;
}

function records(list: [number, Json][]): Json {
  return list.map(([id, value]) => ({ id, value }));
}

/** Freezes a value and all within it, at any depth, so that a write to it throws. */
export function deepFreeze<T>(value: T): T {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    Object.freeze(next);
    for (const child of Object.values(next)) waiting.push(child);
  }
  return value;
}

/** `levels` arrays or objects within each other. */
export function nested(levels: number, innermost: Json, wrap: 'array' | 'object' = 'array'): Json {
  let value = innermost;
  for (let i = 0; i < levels; i++) value = wrap === 'array' ? [value] : { a: value };
  return value;
}
