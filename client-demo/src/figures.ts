import type { Json } from '../../shared/json.js';
import { h, setText } from './dom.js';
import { formatNumber, looksLikeTime } from './format.js';
import { perFrame } from './frame.js';
import { createHistory, type History } from './history.js';
import { scalarPaths, valueAt } from './json-path.js';
import { createSparkline } from './sparkline.js';
import { onThemeChange } from './theme.js';
import type { View } from './view.js';

interface Figure {
  readonly path: readonly string[];
  readonly element: HTMLElement;
  show(history: History, column: number): void;
}

/** Values with more scalars than this are for the table and the tree. */
const MAX_SCALARS = 400;

/** The numbers of a value as big figures, each with its course. Shows nothing where there are none. */
export function createFigures(max: number): View {
  const element = h('dl', { class: 'figures' });
  let figures: Figure[] = [];
  let history = createHistory(0);
  let layout = '';

  /** Another set of numbers means a fresh start. */
  function arrange(paths: readonly (readonly string[])[]): void {
    layout = JSON.stringify(paths);
    history = createHistory(paths.length);
    figures = paths.map(createFigure);
    element.replaceChildren(...figures.map((figure) => figure.element));
    element.hidden = figures.length === 0;
  }
  const paint = perFrame(() => {
    for (const [column, figure] of figures.entries()) figure.show(history, column);
  });
  const stopTheme = onThemeChange(paint);

  return {
    element,
    update(value, asOf) {
      const paths = numberPaths(value, max);
      if (JSON.stringify(paths) !== layout) arrange(paths);
      history.push(
        asOf.getTime() / 1_000,
        paths.map((path) => valueAt(value, path) as number),
      );
      paint();
    },
    destroy: stopTheme,
  };
}

function numberPaths(value: Json, max: number): string[][] {
  if (typeof value === 'number') return [[]];
  return scalarPaths(value, 3, MAX_SCALARS)
    .filter((path) => {
      const number = valueAt(value, path);
      return typeof number === 'number' && !looksLikeTime(number);
    })
    .slice(0, max);
}

function createFigure(path: readonly string[]): Figure {
  const number = h('span', { class: 'number' });
  const sparkline = createSparkline();
  const name = path.length === 0 ? 'value' : path.join(' · ');
  const element = h('div', {}, h('dt', { title: name }, name), h('dd', {}, number, sparkline.element));
  return {
    path,
    element,
    show(history, column) {
      setText(number, formatNumber(history.columns[column]?.at(-1) ?? Number.NaN));
      sparkline.draw(history, column);
    },
  };
}
