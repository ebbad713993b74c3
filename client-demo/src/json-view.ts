import type { Json } from '../../shared/json.js';
import { h, setText } from './dom.js';
import { createFigures } from './figures.js';
import { perFrame } from './frame.js';
import { isScalar } from './json-path.js';
import { findRecords } from './records.js';
import { createTable, type Table } from './table.js';
import { createTree } from './tree.js';
import type { View } from './view.js';

export interface JsonViewOptions {
  maxFigures: number;
  /** Rows of a table before "show more". */
  rows: number;
  columns: number;
  /** Without it, what is neither a number nor a record is left out: for a tile. */
  tree: boolean;
}

/** Any JSON, readable: its numbers as figures, its records as a table, and all of it as a tree. */
export function createJsonView(options: JsonViewOptions): View {
  const figures = createFigures(options.maxFigures);
  const statement = h('p', { class: 'statement', hidden: true });
  const records = h('div');
  const tree = createTree();
  const document = h('details', { class: 'document' }, h('summary', {}, 'Whole document'), tree.element);
  const element = h('div', { class: 'json-view' }, statement, figures.element, records);
  let table: { caption: string; table: Table } | undefined;
  let latest: Json = null;
  let first = true;

  function showRecords(value: Json): boolean {
    const found = findRecords(value);
    if (!found) {
      table = undefined;
      records.replaceChildren();
      return false;
    }
    const caption = found.path.join(' · ') || 'records';
    if (table?.caption !== caption) {
      table = { caption, table: createTable(caption, options.rows, options.columns) };
      records.replaceChildren(table.table.element);
    }
    table.table.show(found.rows);
    return true;
  }

  const paint = perFrame(() => {
    const scalar = isScalar(latest);
    statement.hidden = !scalar || typeof latest === 'number';
    if (!statement.hidden) setText(statement, latest === null ? 'null' : String(latest));
    const hasTable = showRecords(latest);
    if (scalar || !(options.tree || (!hasTable && figures.element.hidden))) {
      document.remove();
      return;
    }
    if (first) document.open = !hasTable;
    first = false;
    if (!document.isConnected) element.append(document);
    if (document.open) tree.show(latest);
  });
  document.addEventListener('toggle', paint);

  return {
    element,
    update(value, asOf) {
      latest = value;
      figures.update(value, asOf);
      paint();
    },
    destroy: figures.destroy,
  };
}
