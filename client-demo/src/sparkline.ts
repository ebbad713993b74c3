import { prepareCanvas } from './canvas.js';
import { h } from './dom.js';
import { type History, WINDOW_SECONDS } from './history.js';
import { colour } from './theme.js';

/** A line the size of a word: the course of one number over the last two minutes, from its lowest to its highest. */
export function createSparkline(): {
  element: HTMLCanvasElement;
  draw(history: History, column: number): void;
} {
  const element = h('canvas', { class: 'sparkline', 'aria-hidden': 'true' });
  return {
    element,
    draw({ times, columns }, column) {
      const canvas = prepareCanvas(element);
      const values = columns[column] ?? [];
      element.dataset.points = String(times.length);
      if (!canvas || times.length < 2) return;
      const { context, width, height } = canvas;
      const known = values.filter((value) => value !== null);
      const low = Math.min(...known);
      const span = Math.max(...known) - low;
      const start = times.at(-1)! - WINDOW_SECONDS;
      context.beginPath();
      let pen = false;
      for (const [index, value] of values.entries()) {
        if (value === null) {
          pen = false;
          continue;
        }
        const x = ((times[index]! - start) / WINDOW_SECONDS) * (width - 2);
        const y = span === 0 ? height / 2 : height - 2 - ((value - low) / span) * (height - 4);
        if (pen) context.lineTo(x, y);
        else context.moveTo(x, y);
        pen = true;
      }
      context.strokeStyle = colour('--water');
      context.lineWidth = 1.25;
      context.stroke();
    },
  };
}
