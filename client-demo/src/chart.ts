import uPlot from 'uplot';
import { h } from './dom.js';
import { perFrame } from './frame.js';
import { type History, WINDOW_SECONDS } from './history.js';
import { colour, onThemeChange } from './theme.js';

export interface ChartLine {
  /** Custom properties of the style sheet. */
  stroke: string;
  fill?: string;
  /** So that lines differ in more than colour. */
  dashed?: boolean;
}

export interface ChartOptions {
  label: string;
  lines: readonly ChartLine[];
  format(value: number): string;
  /** The fixed top of the scale; absent: the next round number above what is shown. */
  top?: number;
}

export interface Chart {
  readonly element: HTMLElement;
  draw(history: History): void;
  destroy(): void;
}

/** Room for the scale's labels; what stands above or below a chart aligns with its plot by this. */
export const SCALE_WIDTH = 58;
/** Room for half of the word "now". */
export const END_WIDTH = 14;
const FONT = '11px system-ui, sans-serif';

/** Lines over the last two minutes. Resizes with its element, and follows the theme. */
export function createChart({ label, lines, format, top }: ChartOptions): Chart {
  const element = h('div', { class: 'chart', role: 'img', 'aria-label': `${label}, the last two minutes` });
  const axis: uPlot.Axis = {
    stroke: () => colour('--soft'),
    font: FONT,
    grid: { stroke: () => colour('--rule'), width: 1 },
    ticks: { show: false },
  };
  const plot = new uPlot(
    {
      ...sizeOf(element),
      padding: [8, END_WIDTH, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_, __, max) => [max - WINDOW_SECONDS, max] },
        y: { range: (_, __, max) => [0, top ?? roundUp(max)] },
      },
      axes: [
        {
          ...axis,
          size: 26,
          gap: 9,
          splits: (_, __, ___, max) => [max - 120, max - 60, max],
          values: relativeTimes,
          grid: { show: false },
        },
        {
          ...axis,
          size: SCALE_WIDTH,
          gap: 6,
          splits: (_, __, ___, max) => [0, max / 2, max],
          values: (_, splits) => splits.map((value) => withoutIdleZeros(format(value))),
        },
      ],
      series: [
        {},
        ...lines.map(
          ({ stroke, fill, dashed }): uPlot.Series => ({
            stroke: () => colour(stroke),
            ...(fill && { fill: () => colour(fill) }),
            ...(dashed && { dash: [5, 3] }),
            width: 1.5,
            points: { show: false },
          }),
        ),
      ],
    },
    [[], ...lines.map(() => [])],
    element,
  );
  const resize = perFrame(() => plot.setSize(sizeOf(element)));
  const observer = new ResizeObserver(resize);
  observer.observe(element);
  const stopTheme = onThemeChange(() => plot.redraw(false, true));

  return {
    element,
    draw({ times, columns }) {
      plot.setData([[...times], ...columns.slice(0, lines.length).map((column) => [...column])]);
      element.dataset.points = String(times.length);
    },
    destroy() {
      stopTheme();
      observer.disconnect();
      plot.destroy();
    },
  };
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: Math.max(120, element.clientWidth), height: Math.max(80, element.clientHeight) };
}

function relativeTimes(_: uPlot, splits: number[]): string[] {
  const now = splits.at(-1)!;
  return splits.map((time) => (time === now ? 'now' : `−${Math.round((now - time) / 60)} min`));
}

/** `2.00 MB/s` as `2 MB/s`: a scale needs no more digits than tell its marks apart. */
function withoutIdleZeros(text: string): string {
  return text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');
}

/** The next of 1, 2, 5, 10, 20 … at or above `value`, so that the scale moves seldom. */
function roundUp(value: number | null): number {
  if (value === null || !(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10);
}
