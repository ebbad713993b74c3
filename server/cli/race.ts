import { performance } from 'node:perf_hooks';
import { ExceptionGroup, firstCompleted, Semaphore, systemClock } from '../async/index.js';
import { createWebClient, type WebClient } from '../web/client.js';
import { redactUrl } from '../web/redact-url.js';
import { type Answer, askUrl, isText, type Outcome, outcomeOf, valueOfAnswer } from './ask-url.js';
import type { ExitCode } from './exit.js';
import { duration, webUrl } from './flag-values.js';
import { interruption } from './interruption.js';
import { outcomeJson, outcomeLine, painted, rounded } from './outcome-text.js';
import { formatBytes } from './quantities.js';

export interface RaceFlags {
  timeout: string;
  hedge?: string;
  json?: boolean;
}

interface RaceOptions {
  client: WebClient;
  /** For one URL (ms). */
  timeout: number;
  /** How long one may take before the next is asked as well (ms); `undefined`: all are asked at once. */
  hedge: number | undefined;
  signal: AbortSignal;
}

/** Asks all URLs, gives the first good answer, and cancels the others. 1 if there is none, 130 when interrupted. */
export async function race(urls: readonly string[], flags: RaceFlags): Promise<ExitCode> {
  const outcomes = urls.map((url) => outcomeOf(webUrl(url)));
  const timeout = duration('--timeout', flags.timeout, 1);
  const hedge = flags.hedge === undefined ? undefined : duration('--hedge', flags.hedge);
  using stop = interruption();
  const client = createWebClient();
  const startedAt = performance.now();
  try {
    const winner = await winnerOf(outcomes, { client, timeout, hedge, signal: stop.signal });
    const elapsed = performance.now() - startedAt;
    if (flags.json) printJson(outcomes, winner, elapsed);
    else printText(outcomes, winner);
    if (winner) return 0;
    return stop.signal.aborted ? 130 : 1;
  } finally {
    await client.close();
  }
}

async function winnerOf(outcomes: readonly Outcome[], options: RaceOptions): Promise<Outcome | undefined> {
  const { client, timeout, hedge, signal } = options;
  const starts = new Semaphore(hedge === undefined ? outcomes.length : 1);

  async function run(outcome: Outcome, own: AbortSignal): Promise<Outcome> {
    const start = await starts.acquire({ signal: own });
    // The next one may start when this one is slow, or at once when it has failed.
    const slow = hedge === undefined ? undefined : systemClock.after(hedge, start.release);
    try {
      await askUrl(client, outcome, timeout, own);
      return outcome;
    } catch (error) {
      start.release();
      throw error;
    } finally {
      slow?.cancel();
    }
  }

  try {
    return await firstCompleted(
      outcomes.map((outcome) => (own: AbortSignal) => run(outcome, own)),
      { signal },
    );
  } catch (error) {
    if (signal.aborted || error instanceof ExceptionGroup) return undefined;
    throw error;
  }
}

function printJson(outcomes: readonly Outcome[], winner: Outcome | undefined, elapsed: number): void {
  const report = {
    winner: winner ? redactUrl(winner.url.href) : null,
    elapsed: rounded(elapsed),
    ...(winner?.answer && { value: valueOfAnswer(winner.answer) }),
    urls: outcomes.map((outcome) => outcomeJson(outcome, { withValue: false })),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** The answer on standard output, and how the race went on standard error. */
function printText(outcomes: readonly Outcome[], winner: Outcome | undefined): void {
  const now = performance.now();
  const lines = outcomes.map((outcome) => {
    const line = `${outcome === winner ? 'winner ' : '       '}${outcomeLine(outcome, now)}`;
    return process.stderr.isTTY ? painted(line, outcome) : line;
  });
  process.stderr.write(`${lines.join('\n')}\n`);
  if (!winner?.answer) {
    const isOver = outcomes.every(({ state }) => state === 'failed');
    process.stderr.write(
      isOver ? 'No good answer came.\n' : 'Interrupted: what was under way is cancelled.\n',
    );
    return;
  }
  process.stdout.write(printable(winner.answer));
}

function printable({ type, body }: Answer): Buffer | string {
  if (!process.stdout.isTTY) return body;
  if (!isText(type))
    return `(${formatBytes(body.length)} of ${type || 'unknown type'}; redirect it to a file)\n`;
  return body.at(-1) === 0x0a ? body : `${body}\n`;
}
