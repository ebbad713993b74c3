import { performance } from 'node:perf_hooks';
import type { Outcome } from './ask-url.js';
import { outcomeLine, painted } from './outcome-text.js';

const REDRAW_MS = 100;

/** Shows outcomes as they come. */
interface Display {
  over(outcome: Outcome): void;
  /** Shows what is left to show. */
  end(): void;
}

/** A table that is kept up to date where the terminal has room for it; otherwise a line for each as it comes in. */
export function showGather(outcomes: readonly Outcome[]): Display {
  const { isTTY, rows } = process.stdout;
  // A terminal that does not say how large it is has room for what fits any.
  return isTTY && outcomes.length < (rows || 24) - 1 ? liveTable(outcomes) : plainLines(outcomes);
}

function liveTable(outcomes: readonly Outcome[]): Display {
  let isDrawn = false;
  const draw = () => {
    const now = performance.now();
    const width = Math.max(1, (process.stdout.columns || 80) - 1);
    // Cut before it is painted: a line that wraps would be one too many to go up over.
    const lines = outcomes.map((outcome) => painted(outcomeLine(outcome, now).slice(0, width), outcome));
    const up = isDrawn ? `\x1b[${lines.length}A` : '';
    process.stdout.write(`${up}${lines.map((line) => `${line}\x1b[K\n`).join('')}`);
    isDrawn = true;
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return {
    over: draw,
    end() {
      clearInterval(timer);
      draw();
    },
  };
}

function plainLines(outcomes: readonly Outcome[]): Display {
  const shown = new Set<Outcome>();
  const over = (outcome: Outcome) => {
    shown.add(outcome);
    process.stdout.write(`${outcomeLine(outcome, performance.now())}\n`);
  };
  return {
    over,
    end() {
      for (const outcome of outcomes) if (!shown.has(outcome)) over(outcome);
    },
  };
}
