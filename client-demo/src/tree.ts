import type { Json } from '../../shared/json.js';
import { h, setText } from './dom.js';
import { formatScalar, looksLikeTime } from './format.js';
import { isScalar } from './json-path.js';

/** Children shown at once of one object or array; the rest comes on demand, so that huge documents stay light. */
const PAGE = 100;
const MAX_TEXT = 300;

interface TreeNode {
  readonly element: HTMLElement;
  /** False where the value is of another sort now, and the node must be made anew. */
  update(value: Json): boolean;
}

/** Any JSON as a tree that opens and closes, and keeps what is open while values change. */
export interface Tree {
  readonly element: HTMLElement;
  show(value: Json): void;
}

export function createTree(): Tree {
  const element = h('div', { class: 'tree' });
  let root: TreeNode | undefined;
  return {
    element,
    show(value) {
      if (root?.update(value)) return;
      root = createNode(undefined, value, true);
      element.replaceChildren(root.element);
    },
  };
}

function createNode(key: string | undefined, value: Json, open: boolean): TreeNode {
  return isScalar(value) ? createLeaf(key, value) : createBranch(key, value, open);
}

function keyLabel(key: string | undefined): Node[] {
  return key === undefined ? [] : [h('span', { class: 'key' }, key)];
}

function createLeaf(key: string | undefined, first: Json): TreeNode {
  const text = h('span', { class: 'scalar' });
  const element = h('div', { class: 'leaf' }, ...keyLabel(key), text);
  let shown: Json | undefined;

  function show(value: string | number | boolean | null): void {
    const known = shown !== undefined;
    shown = value;
    text.dataset.type = value === null ? 'null' : typeof value;
    const full = typeof value === 'string' ? value : formatScalar(value);
    if (typeof value === 'number' && looksLikeTime(value)) text.title = String(value);
    const changed = setText(text, full.length > MAX_TEXT ? `${full.slice(0, MAX_TEXT)}…` : full);
    if (known && changed) mark(text);
  }
  show(first as string);
  return {
    element,
    update(value) {
      if (!isScalar(value)) return false;
      if (value !== shown) show(value);
      return true;
    },
  };
}

function createBranch(key: string | undefined, first: Json, open: boolean): TreeNode {
  const isArray = Array.isArray(first);
  const size = h('span', { class: 'size' });
  const body = h('div', { class: 'children' });
  const more = h('button', { type: 'button', class: 'more' });
  const element = h('details', { open }, h('summary', {}, ...keyLabel(key), size), body);
  const children = new Map<string, TreeNode>();
  let value = first;
  let limit = PAGE;

  function paint(): void {
    const keys = Object.keys(value as object);
    setText(size, isArray ? `[${keys.length}]` : `{${keys.length}}`);
    // What is closed is not built: opening it is soon enough.
    if (!element.open) return;
    const visible = keys.slice(0, limit);
    const wanted = new Set(visible);
    for (const [key, child] of children) {
      if (wanted.has(key)) continue;
      child.element.remove();
      children.delete(key);
    }
    for (const [index, key] of visible.entries()) place(key, index);
    more.hidden = keys.length <= limit;
    setText(more, `Show ${Math.min(PAGE, keys.length - limit)} more of ${keys.length}`);
    if (!more.hidden) body.append(more);
  }
  function place(key: string, index: number): void {
    const member = (value as Record<string, Json>)[key]!;
    let child = children.get(key);
    if (!child?.update(member)) {
      child?.element.remove();
      child = createNode(key, member, false);
      children.set(key, child);
    }
    if (body.children[index] !== child.element)
      body.insertBefore(child.element, body.children[index] ?? null);
  }
  more.addEventListener('click', () => {
    limit += PAGE;
    paint();
  });
  element.addEventListener('toggle', paint);
  paint();
  return {
    element,
    update(next) {
      if (isScalar(next) || Array.isArray(next) !== isArray) return false;
      // Patches share what they leave alone: the same object is the same content.
      if (next !== value) {
        value = next;
        paint();
      }
      return true;
    },
  };
}

const stillness = matchMedia('(prefers-reduced-motion: reduce)');

/** Lights a changed value up for a moment. */
function mark(element: HTMLElement): void {
  if (stillness.matches) return;
  element.animate([{ backgroundColor: 'var(--mark)' }, { backgroundColor: 'transparent' }], 900);
}
