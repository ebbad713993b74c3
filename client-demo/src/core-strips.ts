import { prepareCanvas } from './canvas.js';
import { END_WIDTH, SCALE_WIDTH } from './chart.js';
import { h } from './dom.js';
import { type History, WINDOW_SECONDS } from './history.js';
import { colour, onThemeChange } from './theme.js';

/** One strip a core on the time axis of the chart above: the darker, the busier. Says more at a glance than sixteen lines. */
export interface CoreStrips {
  readonly element: HTMLElement;
  /** `history` holds one column a core, in percent. */
  draw(history: History): void;
  destroy(): void;
}

export function createCoreStrips(cores: number): CoreStrips {
  const stripHeight = Math.max(4, Math.min(14, Math.floor(112 / cores)));
  const canvas = h('canvas', { 'aria-hidden': 'true' });
  canvas.style.height = `${cores * stripHeight}px`;
  const caption = h('span', { class: 'strips-caption' }, cores === 1 ? '1 core' : `${cores} cores`);
  caption.style.width = `${SCALE_WIDTH}px`;
  const element = h('div', { class: 'strips' }, caption, canvas);
  element.style.paddingRight = `${END_WIDTH}px`;
  let shown: History | undefined;

  function draw(history: History): void {
    shown = history;
    const prepared = prepareCanvas(canvas);
    if (!prepared) return;
    const { context, width } = prepared;
    const { times, columns } = history;
    const end = times.at(-1) ?? 0;
    const place = (time: number) => width - ((end - time) / WINDOW_SECONDS) * width;
    for (let core = 0; core < cores; core++) {
      const y = core * stripHeight;
      context.globalAlpha = 1;
      context.fillStyle = colour('--track');
      context.fillRect(0, y, width, stripHeight - 1);
      context.fillStyle = colour('--water');
      // A sample tells of the time since the one before it.
      for (let index = 1; index < times.length; index++) {
        const left = Math.max(0, place(times[index - 1]!));
        context.globalAlpha = Math.min(1, (columns[core]?.[index] ?? 0) / 100);
        context.fillRect(left, y, place(times[index]!) - left + 0.5, stripHeight - 1);
      }
    }
  }
  const redraw = () => shown && draw(shown);
  const observer = new ResizeObserver(redraw);
  observer.observe(canvas);
  const stopTheme = onThemeChange(redraw);
  return {
    element,
    draw,
    destroy() {
      stopTheme();
      observer.disconnect();
    },
  };
}
