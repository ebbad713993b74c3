import { redactUrl } from '../web/redact-url.js';
import { type Outcome, valueOfAnswer } from './ask-url.js';
import { paint } from './paint.js';
import { formatBytes, formatElapsed } from './quantities.js';

const WORDS: Readonly<Record<Outcome['state'], string>> = {
  unasked: 'not asked',
  asked: 'asking',
  good: '',
  failed: 'failed',
  late: 'cancelled',
};

/** One outcome as columns: what came of it, how long it took, how much came, from where. */
export function outcomeLine(outcome: Outcome, now: number): string {
  const { state, answer, error, startedAt } = outcome;
  const elapsed = state === 'asked' ? now - startedAt : outcome.elapsed;
  const columns = [
    (answer ? String(answer.status) : WORDS[state]).padEnd(9),
    (state === 'unasked' ? '' : formatElapsed(elapsed)).padStart(10),
    (answer ? formatBytes(answer.body.length) : '').padStart(8),
    `${redactUrl(outcome.url.href)}${error ? ` ${error}` : ''}`,
  ];
  return columns.join('  ');
}

/** The line in the colour of its state. */
export function painted(line: string, { state }: Outcome): string {
  if (state === 'good') return paint('green', line);
  return state === 'failed' ? paint('red', line) : paint('dim', line);
}

/** One outcome for a program; `value` is left out where it is asked for elsewhere or is no text. */
export function outcomeJson(outcome: Outcome, { withValue }: { withValue: boolean }): object {
  const { url, state, answer, error, elapsed } = outcome;
  return {
    url: redactUrl(url.href),
    state,
    ...(state !== 'unasked' && { elapsed: rounded(elapsed) }),
    ...(answer && { status: answer.status, bytes: answer.body.length }),
    ...(answer && withValue && { value: valueOfAnswer(answer) }),
    ...(error !== undefined && { error }),
  };
}

/** Milliseconds with one decimal. */
export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
