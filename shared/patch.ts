import { isTooDeep, MAX_DEPTH } from './depth.js';
import { equal } from './equal.js';
import { HeadwaterError } from './errors.js';
import type { Json } from './json.js';
import { isUnsafeKey, parsePointer } from './pointer.js';

/** One operation of a JSON Patch (RFC 6902). Paths are JSON Pointers (RFC 6901). */
export type PatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: Json }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; from: string; path: string };

/**
 * How much all `copy` operations of one patch may duplicate, in characters and members: copies of copies grow as
 * powers of two, and a patch of forty operations would otherwise make a document that no memory holds.
 */
const MAX_COPIED = 16 * 1024 * 1024;

/**
 * Applies a JSON Patch (RFC 6902) and returns the new document; `document` stays exactly as it was, whether the
 * patch applies or not. Only containers on the way to a change are copied, each once; everything else is shared
 * between the two, and with the values in `patch`.
 *
 * Beyond the RFC, and so that no patch can hurt who applies it: paths through `__proto__`, `constructor` and
 * `prototype` are refused (a value may hold such members), as are paths deeper than {@link MAX_DEPTH}, the removal
 * of the whole document, and copies that add up to more than 16 Mi characters.
 *
 * @throws {HeadwaterError} `patch_invalid` for a malformed operation or pointer, `patch_conflict` where it does not
 * apply. The message names the operation's index (from 0), its path and what stood there.
 */
export function applyPatch(document: Json, patch: readonly PatchOperation[]): Json {
  if (!Array.isArray(patch)) {
    throw new HeadwaterError(
      'patch_invalid',
      `A JSON Patch is an array of operations (RFC 6902), not ${nounOf(patch)}.`,
    );
  }
  const draft: Draft = { root: document, owned: new Set(), copied: 0, index: 0, operation: undefined };
  for (const operation of patch as readonly unknown[]) {
    draft.operation = operation;
    applyOperation(draft, operation);
    draft.index++;
  }
  return draft.root;
}

type MutableArray = Json[];
type MutableObject = { [key: string]: Json };
type Container = MutableArray | MutableObject;

/** A document in the making. */
interface Draft {
  root: Json;
  /** The containers made by this patch, reachable from `root` by one way only: these may be written to. */
  readonly owned: Set<Json>;
  copied: number;
  /** Of the operation at hand, for messages. */
  index: number;
  operation: unknown;
}

function applyOperation(draft: Draft, operation: unknown): void {
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
    throw invalid(draft, `an operation is an object, not ${nounOf(operation)}`);
  }
  const { op } = operation as { op?: unknown };
  const path = pointerMember(draft, operation, 'path');
  switch (op) {
    case 'add':
      add(draft, path, valueMember(draft, operation));
      return;
    case 'replace':
      replace(draft, path, valueMember(draft, operation));
      return;
    case 'remove':
      remove(draft, path);
      return;
    case 'test':
      test(draft, path, valueMember(draft, operation));
      return;
    case 'copy': {
      const value = read(draft, pointerMember(draft, operation, 'from'));
      share(draft, value);
      add(draft, path, value);
      return;
    }
    case 'move':
      move(draft, pointerMember(draft, operation, 'from'), path);
      return;
    default:
      throw invalid(
        draft,
        `"op" must be add, remove, replace, move, copy or test, not ${typeof op === 'string' ? quote(op) : nounOf(op)}`,
      );
  }
}

// ---------------------------------------------------------------- the six operations

function add(draft: Draft, path: readonly string[], value: Json): void {
  if (path.length === 0) {
    draft.root = value;
    return;
  }
  const parent = writableParent(draft, path);
  const token = path[path.length - 1]!;
  if (!Array.isArray(parent)) {
    parent[token] = value;
    return;
  }
  if (token === '-') {
    parent.push(value);
    return;
  }
  const index = arrayIndex(token);
  if (index === undefined || index > parent.length) throw noElement(draft, parent, path, path.length - 1);
  parent.splice(index, 0, value);
}

function replace(draft: Draft, path: readonly string[], value: Json): void {
  if (path.length === 0) {
    draft.root = value;
    return;
  }
  const parent = writableParent(draft, path);
  const key = existingKey(draft, parent, path, path.length - 1);
  (parent as MutableObject)[key] = value;
}

function remove(draft: Draft, path: readonly string[]): void {
  if (path.length === 0) throw invalid(draft, 'the whole document cannot be removed; replace it with null');
  const parent = writableParent(draft, path);
  const key = existingKey(draft, parent, path, path.length - 1);
  if (Array.isArray(parent)) parent.splice(key as number, 1);
  else delete parent[key];
}

function test(draft: Draft, path: readonly string[], expected: Json): void {
  if (isTooDeep(expected)) throw invalid(draft, `"value" nests deeper than ${MAX_DEPTH} levels`);
  const found = read(draft, path);
  if (!equal(found, expected)) {
    throw conflict(draft, `expected ${preview(expected)}, found ${preview(found)}`);
  }
}

function move(draft: Draft, from: readonly string[], path: readonly string[]): void {
  const value = read(draft, from);
  if (from.every((token, i) => token === path[i])) {
    if (from.length === path.length) return;
    throw invalid(draft, 'a value cannot be moved into itself');
  }
  // Not into itself and not onto itself, so `from` is no prefix of `path` and cannot be the root.
  remove(draft, from);
  add(draft, path, value);
}

// ---------------------------------------------------------------- finding and owning

/** The value at a path, without copying anything. */
function read(draft: Draft, path: readonly string[]): Json {
  let node = draft.root;
  for (let depth = 0; depth < path.length; depth++) {
    const container = containerAt(draft, node, path, depth);
    node = (container as MutableObject)[existingKey(draft, container, path, depth)]!;
  }
  return node;
}

/** The container that holds the last token of `path`; it and all above it are the draft's own afterwards. */
function writableParent(draft: Draft, path: readonly string[]): Container {
  let node = own(draft, containerAt(draft, draft.root, path, 0));
  draft.root = node;
  for (let depth = 0; depth < path.length - 1; depth++) {
    const key = existingKey(draft, node, path, depth);
    const holder = node as MutableObject;
    node = own(draft, containerAt(draft, holder[key]!, path, depth + 1));
    holder[key] = node;
  }
  return node;
}

/** The container itself if this patch made it, else a copy that it may write to. */
function own(draft: Draft, container: Container): Container {
  if (draft.owned.has(container)) return container;
  // Spread defines members rather than assigning them, so an own "__proto__" stays an own member.
  const copy: Container = Array.isArray(container) ? container.slice() : { ...container };
  draft.owned.add(copy);
  return copy;
}

/**
 * From now on `value` hangs in two places, so no container in it may be written to through either. Owned containers
 * only ever hang below owned ones, which is why the walk can stop at the first that is not.
 */
function share(draft: Draft, value: Json): void {
  if (isTooDeep(value)) throw conflict(draft, `the value at "from" nests deeper than ${MAX_DEPTH} levels`);
  charge(draft, value);
  disown(draft, value);
}

function disown(draft: Draft, value: Json): void {
  if (draft.owned.delete(value)) for (const child of Object.values(value as Container)) disown(draft, child);
}

function charge(draft: Draft, value: Json): void {
  draft.copied += typeof value === 'string' ? value.length + 1 : 1;
  if (draft.copied > MAX_COPIED) {
    throw conflict(draft, `the copies of this patch add up to more than ${MAX_COPIED} characters`);
  }
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) charge(draft, value[i]!);
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    draft.copied += key.length;
    charge(draft, child);
  }
}

function containerAt(draft: Draft, node: Json, path: readonly string[], depth: number): Container {
  if (typeof node === 'object' && node !== null) return node as Container;
  throw conflict(draft, `${place(path, depth)} is ${nounOf(node)}, which has no ${quote(path[depth]!)}`);
}

/** The key of the existing child that `path[depth]` names in `container`. */
function existingKey(
  draft: Draft,
  container: Container,
  path: readonly string[],
  depth: number,
): string | number {
  const token = path[depth]!;
  if (Array.isArray(container)) {
    const index = arrayIndex(token);
    if (index === undefined || index >= container.length) throw noElement(draft, container, path, depth);
    return index;
  }
  if (!Object.hasOwn(container, token)) {
    throw conflict(draft, `${place(path, depth)} has no member ${quote(token)}`);
  }
  return token;
}

/** RFC 6901, section 4: digits without a leading zero. */
function arrayIndex(token: string): number | undefined {
  return /^(?:0|[1-9]\d{0,15})$/.test(token) ? Number(token) : undefined;
}

// ---------------------------------------------------------------- members of an operation

function pointerMember(draft: Draft, operation: object, name: 'path' | 'from'): readonly string[] {
  const pointer = Object.hasOwn(operation, name)
    ? (operation as { [key: string]: unknown })[name]
    : undefined;
  if (typeof pointer !== 'string') throw invalid(draft, `"${name}" must be a string, not ${nounOf(pointer)}`);
  const tokens = parsePointer(pointer);
  if (!tokens) throw invalid(draft, `"${name}" is no JSON Pointer (RFC 6901): ${quote(pointer)}`);
  if (tokens.length > MAX_DEPTH) throw invalid(draft, `"${name}" is deeper than ${MAX_DEPTH} levels`);
  const unsafe = tokens.find(isUnsafeKey);
  if (unsafe !== undefined) throw invalid(draft, `"${name}" must not go through ${quote(unsafe)}`);
  return tokens;
}

function valueMember(draft: Draft, operation: object): Json {
  const value = Object.hasOwn(operation, 'value') ? (operation as { value?: Json }).value : undefined;
  if (value === undefined) throw invalid(draft, '"value" is missing');
  return value;
}

// ---------------------------------------------------------------- messages

function invalid(draft: Draft, why: string): HeadwaterError {
  return new HeadwaterError('patch_invalid', `${title(draft)}: ${why}.`);
}

function conflict(draft: Draft, why: string): HeadwaterError {
  return new HeadwaterError('patch_conflict', `${title(draft)} does not apply: ${why}.`);
}

function noElement(draft: Draft, array: Container, path: readonly string[], depth: number): HeadwaterError {
  return conflict(
    draft,
    `${place(path, depth)} is an array of ${array.length}, without ${quote(path[depth]!)}`,
  );
}

function title({ index, operation }: Draft): string {
  const { op, path } = (operation ?? {}) as { op?: unknown; path?: unknown };
  const named = typeof op === 'string' && typeof path === 'string' ? ` (${clip(op)} ${quote(path)})` : '';
  return `Patch operation ${index}${named}`;
}

function place(path: readonly string[], depth: number): string {
  return depth === 0 ? 'the document' : quote(`/${path.slice(0, depth).join('/')}`);
}

function nounOf(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function preview(value: Json): string {
  if (typeof value === 'string') return quote(value);
  return typeof value === 'object' && value !== null ? nounOf(value) : String(value);
}

function quote(text: string): string {
  return JSON.stringify(clip(text));
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
