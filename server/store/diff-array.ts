import { equal } from '../../shared/equal.js';
import type { Json, JsonObject } from '../../shared/json.js';

/** `length` elements from index `from` of the old array that stand at index `to` of the new one. */
export interface Run {
  from: number;
  to: number;
  length: number;
}

/** The part of two arrays that their common beginning and end leave over. */
export interface Middle {
  /** Index of its first element, the same in both arrays. */
  start: number;
  /** Index after its last element in the old array. */
  fromEnd: number;
  /** Index after its last element in the new array. */
  toEnd: number;
}

/**
 * Says which elements of the middle of two arrays belong together, as runs in ascending order. Elements of a run are
 * the same record but not necessarily equal; what no run covers was removed or inserted.
 *
 * 1. Same length, and the elements still stand where they stood (same identity, or mostly equal in a sample): one run.
 *    Scattered changes in a table stay cheap and are patched element by element.
 * 2. Otherwise elements are matched by an identity: the first of {@link IDENTITY_KEYS} that every sampled record has
 *    with values that differ; for lists without one, the primitive itself or a fingerprint of the first few leaves.
 *    The longest ascending sequence of matches stays in place (a moved record is removed and inserted again).
 *
 * The work is O(n log n) in the length of the middle, and the leaves read of each element are bounded: a wrong guess
 * costs patch bytes, never correctness.
 */
export function alignMiddle(from: readonly Json[], to: readonly Json[], middle: Middle): Run[] {
  const { start, fromEnd, toEnd } = middle;
  if (start === fromEnd || start === toEnd) return [];
  const key = identityKey(from, start, fromEnd, to[start]!);
  if (fromEnd === toEnd && standInPlace(from, to, middle, key)) {
    return [{ from: start, to: start, length: fromEnd - start }];
  }
  return longestAscending(match(from, to, middle, key), start);
}

// ---------------------------------------------------------------- identity

/** Members that name a record, most telling first. */
const IDENTITY_KEYS = ['id', '_id', 'key', 'uuid', 'guid', 'code', 'symbol', 'slug', 'name', 'url'] as const;
const SAMPLES = 32;

/** The identity of an element: equal ones are matched. `undefined` matches nothing. */
type Identity = string | number | boolean | null | undefined;

function identityKey(from: readonly Json[], start: number, end: number, other: Json): string | undefined {
  return IDENTITY_KEYS.find((key) => {
    if (identityOf(other, key) === undefined) return false;
    const seen = new Set<Identity>();
    const step = Math.max(1, Math.floor((end - start) / SAMPLES));
    for (let i = start; i < end; i += step) {
      const identity = identityOf(from[i]!, key);
      if (identity === undefined || seen.has(identity)) return false;
      seen.add(identity);
    }
    return true;
  });
}

function identityOf(element: Json, key: string): Identity {
  if (typeof element !== 'object' || element === null || !Object.hasOwn(element, key)) return undefined;
  const value = (element as JsonObject)[key];
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

function standInPlace(
  from: readonly Json[],
  to: readonly Json[],
  { start, fromEnd }: Middle,
  key: string | undefined,
): boolean {
  if (key !== undefined) {
    for (let i = start; i < fromEnd; i++) {
      if (identityOf(from[i]!, key) !== identityOf(to[i]!, key)) return false;
    }
    return true;
  }
  const step = Math.max(1, Math.floor((fromEnd - start) / SAMPLES));
  let sampled = 0;
  let same = 0;
  for (let i = start; i < fromEnd; i += step) {
    sampled++;
    if (equal(from[i]!, to[i]!)) same++;
  }
  return same * 2 >= sampled;
}

// ---------------------------------------------------------------- matching

/** For each element of the new middle the index in the old array that it matches, or -1. Each index is used once. */
function match(
  from: readonly Json[],
  to: readonly Json[],
  { start, fromEnd, toEnd }: Middle,
  key: string | undefined,
): Int32Array {
  const identify = key === undefined ? fingerprint : (element: Json) => identityOf(element, key);
  const first = new Map<Identity, number>();
  // Where an identity occurs more than once, its occurrences form a list and are used in order.
  const next = new Int32Array(fromEnd - start);
  for (let i = fromEnd - 1; i >= start; i--) {
    const identity = identify(from[i]!);
    if (identity === undefined) continue;
    next[i - start] = first.get(identity) ?? -1;
    first.set(identity, i);
  }
  const matches = new Int32Array(toEnd - start).fill(-1);
  for (let j = start; j < toEnd; j++) {
    const identity = identify(to[j]!);
    const i = identity === undefined ? undefined : first.get(identity);
    if (i === undefined || i < 0) continue;
    matches[j - start] = i;
    first.set(identity, next[i - start]!);
  }
  return matches;
}

/** How many leaves of a record, and characters of a string among them, go into its fingerprint. */
const FINGERPRINT_LEAVES = 8;
const FINGERPRINT_CHARACTERS = 16;

function fingerprint(element: Json): Identity {
  if (typeof element !== 'object' || element === null) return element;
  const state = { hash: 17, leaves: FINGERPRINT_LEAVES };
  mix(element, state, 4);
  return state.hash;
}

function mix(value: Json, state: { hash: number; leaves: number }, depth: number): void {
  if (typeof value !== 'object' || value === null) {
    state.leaves--;
    state.hash = (Math.imul(state.hash, 31) + hashLeaf(value)) | 0;
    return;
  }
  if (depth === 0) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && state.leaves > 0; i++) mix(value[i]!, state, depth - 1);
    return;
  }
  const object = value as JsonObject;
  for (const key in object) {
    if (state.leaves === 0) return;
    mix(object[key]!, state, depth - 1);
  }
}

function hashLeaf(value: null | boolean | number | string): number {
  if (typeof value === 'number') return Math.imul((value % 1) * 0x7fffffff, 3) ^ value;
  if (typeof value !== 'string') return value === null ? 1 : value ? 2 : 3;
  let hash = value.length;
  const step = Math.max(1, Math.floor(value.length / FINGERPRINT_CHARACTERS));
  for (let i = 0; i < value.length; i += step) hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0;
  return hash;
}

// ---------------------------------------------------------------- longest ascending sequence

/** The longest ascending subsequence of `matches` (patience sorting, O(n log n)), joined into runs. */
function longestAscending(matches: Int32Array, start: number): Run[] {
  // tails[k]: position in `matches` of the smallest last element of an ascending sequence of length k + 1.
  const tails = new Int32Array(matches.length);
  const before = new Int32Array(matches.length);
  let length = 0;
  for (let position = 0; position < matches.length; position++) {
    const index = matches[position]!;
    if (index < 0) continue;
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (matches[tails[middle]!]! < index) low = middle + 1;
      else high = middle;
    }
    before[position] = low > 0 ? tails[low - 1]! : -1;
    tails[low] = position;
    if (low === length) length++;
  }

  const runs: Run[] = [];
  let position = length > 0 ? tails[length - 1]! : -1;
  for (; position >= 0; position = before[position]!) {
    const from = matches[position]!;
    const to = position + start;
    const run = runs[runs.length - 1];
    if (run && run.from === from + 1 && run.to === to + 1) {
      run.from = from;
      run.to = to;
      run.length++;
    } else {
      runs.push({ from, to, length: 1 });
    }
  }
  return runs.reverse();
}
