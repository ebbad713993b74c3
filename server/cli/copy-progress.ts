import { performance } from 'node:perf_hooks';
import type { CopyProgress } from '../copy/options.js';
import { formatBytes } from './quantities.js';

const REDRAW_MS = 100;
const LINE_MS = 2_000;
const BAR_WIDTH = 24;

/** Shows how far a copy is, on standard error: a bar in a terminal, otherwise a line every two seconds. */
export function showCopyProgress() {
  const isTerminal = process.stderr.isTTY === true;
  const startedAt = performance.now();
  let latest: CopyProgress | undefined;
  let shown = '';

  function draw(): void {
    if (!latest) return;
    const text = isTerminal ? barOf(latest, performance.now() - startedAt) : lineOf(latest);
    if (text === shown) return;
    shown = text;
    process.stderr.write(isTerminal ? `\r${fitted(text)}\x1b[K` : `${text}\n`);
  }

  const timer = setInterval(draw, isTerminal ? REDRAW_MS : LINE_MS);
  return {
    update(progress: Readonly<CopyProgress>): void {
      latest = { ...progress };
    },
    /** Says something, above the bar. */
    note(text: string): void {
      process.stderr.write(`${isTerminal ? '\r\x1b[K' : ''}${text}\n`);
      shown = '';
    },
    /** Takes the bar away. A second time does nothing. */
    end(): void {
      clearInterval(timer);
      if (latest && isTerminal) process.stderr.write('\r\x1b[K');
      latest = undefined;
    },
  };
}

function barOf({ done, queued, failed, bytes }: CopyProgress, elapsed: number): string {
  const filled = Math.round((BAR_WIDTH * done) / Math.max(1, done + queued));
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
  const rate = `${formatBytes((bytes * 1000) / Math.max(1, elapsed))}/s`;
  const errors = failed > 0 ? `  ${failed} failed` : '';
  return `${bar}  ${done}/${done + queued}  ${formatBytes(bytes)}  ${rate}${errors}`;
}

function lineOf({ done, queued, failed, bytes }: CopyProgress): string {
  return `${done} of ${done + queued} done, ${formatBytes(bytes)}${failed > 0 ? `, ${failed} failed` : ''}`;
}

/** Cut to the width of the terminal: a bar that wraps leaves its traces in every line. */
function fitted(text: string): string {
  return text.slice(0, Math.max(1, (process.stderr.columns || 80) - 1));
}
