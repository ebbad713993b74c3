import type { Json } from '../../shared/json.js';
import { h, setText } from './dom.js';
import { formatScalar, looksLikeTime } from './format.js';
import { isScalar, valueAt } from './json-path.js';
import { chooseColumns } from './records.js';

export interface Table {
  readonly element: HTMLElement;
  show(rows: readonly Json[]): void;
}

/** Records as a table. Rows beyond `page` come on demand, so that a huge array costs no more than it shows. */
export function createTable(caption: string, page: number, maxColumns: number): Table {
  const head = h('tr');
  const body = h('tbody');
  const title = h('caption', {}, caption);
  const more = h('button', { type: 'button', class: 'more' });
  const scroller = h(
    'div',
    // Focusable, so that it scrolls from the keyboard.
    { class: 'table-scroller', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', {}, title, h('thead', {}, head), body),
  );
  let limit = page;
  let rows: readonly Json[] = [];
  let columns: string[][] = [];
  let layout = '';

  function arrange(): void {
    const next = chooseColumns(rows, maxColumns);
    if (JSON.stringify(next) === layout) return;
    layout = JSON.stringify(next);
    columns = next;
    head.replaceChildren(
      ...columns.map((path) => {
        const numeric = isQuantity(valueAt(rows[0]!, path));
        return h('th', { scope: 'col', class: numeric && 'numeric', title: path.join(' · ') }, path.at(-1)!);
      }),
    );
    body.replaceChildren();
  }
  function paint(): void {
    setText(title, `${caption} (${rows.length})`);
    arrange();
    const visible = rows.slice(0, limit);
    while (body.rows.length > visible.length) body.deleteRow(-1);
    for (const [index, record] of visible.entries())
      fill(body.rows[index] ?? body.insertRow(), record, columns);
    more.hidden = rows.length <= limit;
    setText(more, `Show ${Math.min(page, rows.length - limit)} more of ${rows.length}`);
  }
  more.addEventListener('click', () => {
    limit += page;
    paint();
  });
  return {
    element: h('div', { class: 'records' }, scroller, more),
    show(next) {
      if (next === rows) return;
      rows = next;
      paint();
    },
  };
}

function isQuantity(value: Json | undefined): boolean {
  return typeof value === 'number' && !looksLikeTime(value);
}

function fill(row: HTMLTableRowElement, record: Json, columns: readonly string[][]): void {
  for (const [index, path] of columns.entries()) {
    const value = valueAt(record, path) ?? null;
    const cell = row.cells[index] ?? row.insertCell();
    setText(cell, isScalar(value) ? formatScalar(value) : '…');
    cell.classList.toggle('numeric', isQuantity(value));
  }
}
