import { performance } from 'node:perf_hooks';
import { asCompleted, Semaphore } from '../async/index.js';
import { createWebClient, type WebClient } from '../web/client.js';
import { askUrl, type Outcome, outcomeOf } from './ask-url.js';
import type { ExitCode } from './exit.js';
import { duration, webUrl, wholeNumber } from './flag-values.js';
import { showGather } from './gather-table.js';
import { interruption } from './interruption.js';
import { outcomeJson, rounded } from './outcome-text.js';
import { formatElapsed } from './quantities.js';

export interface GatherFlags {
  timeout: string;
  concurrency: string;
  json?: boolean;
}

interface GatherOptions {
  client: WebClient;
  concurrency: number;
  /** For one URL (ms). */
  timeout: number;
  signal: AbortSignal;
}

/** Asks all URLs and says what came of each. 1 if any failed, 130 when interrupted. */
export async function gather(urls: readonly string[], flags: GatherFlags): Promise<ExitCode> {
  const outcomes = urls.map((url) => outcomeOf(webUrl(url)));
  const timeout = duration('--timeout', flags.timeout, 1);
  const concurrency = wholeNumber('--concurrency', flags.concurrency, 1);
  using stop = interruption();
  const client = createWebClient();
  const startedAt = performance.now();
  const display = flags.json ? undefined : showGather(outcomes);
  try {
    await askAll(outcomes, { client, concurrency, timeout, signal: stop.signal }, (outcome) =>
      display?.over(outcome),
    );
  } finally {
    display?.end();
    await client.close();
  }
  const elapsed = performance.now() - startedAt;
  if (flags.json) {
    const all = outcomes.map((outcome) => outcomeJson(outcome, { withValue: true }));
    process.stdout.write(`${JSON.stringify({ elapsed: rounded(elapsed), urls: all })}\n`);
  } else {
    process.stdout.write(`${conclusion(outcomes, elapsed)}\n`);
  }
  if (stop.signal.aborted) return 130;
  return outcomes.every(({ state }) => state === 'good') ? 0 : 1;
}

async function askAll(
  outcomes: readonly Outcome[],
  { client, concurrency, timeout, signal }: GatherOptions,
  onOver: (outcome: Outcome) => void,
): Promise<void> {
  const turns = new Semaphore(concurrency);
  async function askInTurn(outcome: Outcome, own: AbortSignal): Promise<Outcome> {
    using _turn = await turns.acquire({ signal: own });
    // Its failure is noted in the outcome, and is no reason to stop the others.
    await askUrl(client, outcome, timeout, own).catch((error: unknown) => {
      if (own.aborted) throw error;
    });
    return outcome;
  }
  try {
    const work = outcomes.map((outcome) => (own: AbortSignal) => askInTurn(outcome, own));
    for await (const task of asCompleted(work, { signal })) onOver(await task);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function conclusion(outcomes: readonly Outcome[], elapsed: number): string {
  const number = (...states: Outcome['state'][]) =>
    outcomes.filter(({ state }) => states.includes(state)).length;
  const parts = [
    `${number('good')} answered`,
    ...(number('failed') > 0 ? [`${number('failed')} failed`] : []),
    ...(number('late') > 0 ? [`${number('late')} cancelled`] : []),
    ...(number('unasked') > 0 ? [`${number('unasked')} not asked`] : []),
  ];
  return `${parts.join(', ')} in ${formatElapsed(elapsed)}`;
}
