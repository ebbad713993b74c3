import { MAX_DEPTH } from '../../shared/depth.js';
import { equal } from '../../shared/equal.js';
import type { Json, JsonObject } from '../../shared/json.js';
import type { PatchOperation } from '../../shared/patch.js';
import { escapeToken, isUnsafeKey } from '../../shared/pointer.js';
import { alignMiddle, type Run } from './diff-array.js';

/**
 * The JSON Patch (RFC 6902) that turns `from` into `to`: `add`, `remove` and `replace` only, empty when they are
 * equal. Neither is changed; the patch shares values with `to`. Total over JSON, in time about linear in the documents.
 *
 * It is a small patch, not the smallest: a subtree is replaced whole where that takes fewer bytes (the root only past
 * 4 KiB), elements of arrays are matched as `alignMiddle` describes, and nothing is expressed as `move` or `copy`. A
 * change to a member named `__proto__`, `constructor` or `prototype` replaces what holds it, because `applyPatch`
 * refuses paths through those; a difference deeper than {@link MAX_DEPTH} replaces the value at that depth.
 *
 * Identical references are skipped unread, and equal subtrees allocate nothing: paths are written only for operations.
 */
export function diff(from: Json, to: Json): PatchOperation[] {
  const walk: Walk = { operations: [], bytes: 0, tokens: [], paths: [''], written: 0 };
  if (from !== to) diffValue(walk, from, to, 0);
  return walk.operations;
}

/** Where the walk stands, and what it found so far. */
interface Walk {
  readonly operations: PatchOperation[];
  /** About how long `operations` are as JSON. */
  bytes: number;
  /** The way from the root to the value at hand: as many as its depth are valid. */
  readonly tokens: (string | number)[];
  /** `paths[n]` is the pointer made of the first n tokens, right for n up to `written`; kept for neighbouring operations. */
  readonly paths: string[];
  written: number;
}

/** An operation without its path and value: `{"op":"replace","path":"","value":}` and a comma. */
const OPERATION_BYTES = 35;

/** The least that {@link sizeOf} counts for an element of an array, and for a member of an object with its name. */
const ELEMENT_BYTES = 3;
const MEMBER_BYTES = 6;

/** A patch up to this size is not weighed against the whole document: that is for the caller, who knows both. */
const SMALL_PATCH = 4_096;

/** Deeper than this, arrays are compared index by index: each level of alignment reads its elements a few times more. */
const MAX_ALIGN_DEPTH = 16;

/** An array whose insertions and removals, times its length, pass this is sent whole: each of them shifts the rest. */
const MAX_SHIFTED = 200_000_000;

/**
 * Near the root most subtrees are equal, and `equal` says so faster than a walk that keeps its place. Further down, a
 * changed subtree would be read once more a level for little.
 */
const EQUAL_FIRST_DEPTH = 3;

function skip(from: Json, to: Json, depth: number): boolean {
  return depth < EQUAL_FIRST_DEPTH && equal(from, to);
}

/** `from` and `to` are known not to be identical. */
function diffValue(walk: Walk, from: Json, to: Json, depth: number): void {
  if (
    typeof from !== 'object' ||
    typeof to !== 'object' ||
    from === null ||
    to === null ||
    depth === MAX_DEPTH
  ) {
    replace(walk, depth, to);
    return;
  }
  const { length } = walk.operations;
  const { bytes } = walk;
  const arrays = Array.isArray(from) && Array.isArray(to);
  let members: number | undefined;
  if (arrays) {
    diffArrays(walk, from, to, depth);
    members = to.length;
  } else if (!Array.isArray(from) && !Array.isArray(to)) {
    members = diffObjects(walk, from as JsonObject, to as JsonObject, depth);
  }
  if (members === undefined) {
    replaceInstead(walk, length, bytes, to, depth);
    return;
  }
  // One operation names its place exactly; several may say more than the value they change.
  if (walk.operations.length <= length + 1 || (depth === 0 && walk.bytes <= SMALL_PATCH)) return;
  const saved = walk.bytes - bytes - OPERATION_BYTES - pathAt(walk, depth).length;
  // Most often the members alone are too many; counting them was for free, and to enumerate a large object is not.
  if (members * (arrays ? ELEMENT_BYTES : MEMBER_BYTES) < saved && sizeOf(to, saved) < saved) {
    replaceInstead(walk, length, bytes, to, depth);
  }
}

/** How many members `to` has; `undefined` where paths through `from` cannot say the difference, so it must be replaced. */
function diffObjects(walk: Walk, from: JsonObject, to: JsonObject, depth: number): number | undefined {
  let shared = 0;
  for (const key in from) {
    const before = from[key]!;
    const after = to[key];
    if (before === after) {
      shared++;
      continue;
    }
    // Own or inherited: Object.prototype holds functions, and `__proto__`, which is unsafe.
    const unsafe = isUnsafeKey(key);
    const there = unsafe ? Object.hasOwn(to, key) : after !== undefined && typeof after !== 'function';
    if (there) shared++;
    if (unsafe) {
      if (there && equal(before, after!)) continue;
      return undefined;
    }
    if (there && skip(before, after!, depth)) continue;
    enter(walk, depth, key);
    if (there) diffValue(walk, before, after!, depth + 1);
    else remove(walk, depth + 1);
  }
  let members = 0;
  for (const _key in to) members++;
  if (members === shared) return members;
  for (const key in to) {
    if (Object.hasOwn(from, key)) continue;
    if (isUnsafeKey(key)) return undefined;
    enter(walk, depth, key);
    add(walk, depth + 1, to[key]!);
  }
  return members;
}

function diffArrays(walk: Walk, from: readonly Json[], to: readonly Json[], depth: number): void {
  let start = 0;
  let fromEnd = from.length;
  let toEnd = to.length;
  let runs: Run[] = [];
  if (depth < MAX_ALIGN_DEPTH && (fromEnd > 1 || toEnd > 1)) {
    while (start < fromEnd && start < toEnd && equal(from[start]!, to[start]!)) start++;
    if (start === fromEnd && start === toEnd) return;
    while (fromEnd > start && toEnd > start && equal(from[fromEnd - 1]!, to[toEnd - 1]!)) {
      fromEnd--;
      toEnd--;
    }
    runs = alignMiddle(from, to, { start, fromEnd, toEnd });
  }
  // A run that keeps nothing closes the last gap.
  runs.push({ from: fromEnd, to: toEnd, length: 0 });
  if (shiftsOf(runs, start) * from.length > MAX_SHIFTED) replace(walk, depth, to);
  else diffRuns(walk, from, to, { runs, start, depth });
}

/** How many elements are inserted or removed between `runs`. */
function shiftsOf(runs: readonly Run[], start: number): number {
  let shifts = 0;
  let i = start;
  let j = start;
  for (const { from, to, length } of runs) {
    shifts += Math.abs(from - i - (to - j));
    i = from + length;
    j = to + length;
  }
  return shifts;
}

interface Alignment {
  runs: readonly Run[];
  start: number;
  depth: number;
}

/**
 * Walks both arrays run by run. Everything before the element at hand already stands as in `to`, so indices of `to`
 * are right for every operation.
 */
function diffRuns(
  walk: Walk,
  from: readonly Json[],
  to: readonly Json[],
  { runs, start, depth }: Alignment,
): void {
  let i = start;
  let j = start;
  for (const run of runs) {
    while (i < run.from && j < run.to) diffElement(walk, from[i++]!, to[j]!, j++, depth);
    for (; i < run.from; i++) {
      enter(walk, depth, j);
      remove(walk, depth + 1);
    }
    for (; j < run.to; j++) {
      enter(walk, depth, j);
      add(walk, depth + 1, to[j]!);
    }
    const end = run.to + run.length;
    while (j < end) diffElement(walk, from[i++]!, to[j]!, j++, depth);
  }
}

function diffElement(walk: Walk, from: Json, to: Json, index: number, depth: number): void {
  if (from === to || skip(from, to, depth)) return;
  enter(walk, depth, index);
  diffValue(walk, from, to, depth + 1);
}

// ---------------------------------------------------------------- operations

function enter(walk: Walk, depth: number, token: string | number): void {
  walk.tokens[depth] = token;
  if (walk.written > depth) walk.written = depth;
}

function pathAt(walk: Walk, depth: number): string {
  const { tokens, paths } = walk;
  for (; walk.written < depth; walk.written++) {
    paths[walk.written + 1] = `${paths[walk.written]}/${escapeToken(tokens[walk.written]!)}`;
  }
  return paths[depth]!;
}

function add(walk: Walk, depth: number, value: Json): void {
  const path = pathAt(walk, depth);
  walk.operations.push({ op: 'add', path, value });
  walk.bytes += OPERATION_BYTES + path.length + sizeOf(value, Number.MAX_SAFE_INTEGER);
}

function remove(walk: Walk, depth: number): void {
  const path = pathAt(walk, depth);
  walk.operations.push({ op: 'remove', path });
  walk.bytes += OPERATION_BYTES + path.length;
}

function replace(walk: Walk, depth: number, value: Json): void {
  const path = pathAt(walk, depth);
  walk.operations.push({ op: 'replace', path, value });
  walk.bytes += OPERATION_BYTES + path.length + sizeOf(value, Number.MAX_SAFE_INTEGER);
}

/** Takes back the operations found since there were `length` of them, and replaces the value at `depth` whole. */
function replaceInstead(walk: Walk, length: number, bytes: number, value: Json, depth: number): void {
  walk.operations.length = length;
  walk.bytes = bytes;
  replace(walk, depth, value);
}

/** About how many bytes `value` takes as JSON; stops counting past `limit`. Counts what lies too deep as nothing. */
function sizeOf(value: Json, limit: number, depth = 0): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value === 'number') return Number.isInteger(value) ? 5 : 10;
  if (typeof value !== 'object' || value === null) return 4;
  if (depth === MAX_DEPTH) return 0;
  let size = 2;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && size <= limit; i++) {
      size += 1 + sizeOf(value[i]!, limit - size, depth + 1);
    }
    return size;
  }
  const object = value as JsonObject;
  for (const key in object) {
    size += 4 + key.length + sizeOf(object[key]!, limit - size, depth + 1);
    if (size > limit) break;
  }
  return size;
}
