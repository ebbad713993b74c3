import { ExponentialBackoff, fullJitterGenerator, type IBackoff } from 'cockatiel';
import { HeadwaterError } from '../../../shared/errors.js';
import { sleep } from '../../async/sleep.js';
import { wasCut, wasNeverMade } from '../../web/failure.js';
import type { Deadline } from '../deadline.js';
import type { Reply } from '../http/exchange.js';
import { retryAfterOf } from '../http/field.js';
import type { RequestOutcome } from '../readings.js';
import { LONGEST_WAIT } from '../schedule.js';
import type { Pass, Verdict } from './circuit.js';
import type { Host } from './host.js';

/** What goes for each request of a fetch. */
export interface Terms {
  /** How often one that failed may be sent again. */
  retries: number;
  deadline: Deadline;
}

/** What matters of an answer here: of a stream, that it has begun. */
type Answered = Pick<Reply, 'status' | 'fields'>;

/** Random up to 250 ms, 500 ms, 1 s … 5 s ("full jitter"). */
const BACKOFF = new ExponentialBackoff({
  generator: fullJitterGenerator,
  initialDelay: 250,
  maxDelay: 5_000,
});

/** What may be gone at the next attempt (RFC 9110, section 15.6). */
const PASSING = new Set([500, 502, 503, 504]);

/** How long a host is left alone that answers 429 without saying how long; ms. */
const UNSAID_PAUSE = 1_000;

/**
 * Sends one request when the host's turn comes, and again, after a random wait, where it failed in a way that may pass.
 * A POST too: a source only asks, and who knows that may repeat it (RFC 9110, section 9.2.2). What came last counts, an
 * answer or a failure.
 * @throws {SourceError} when the host takes no request now; whatever `send` throws; what aborts the deadline
 */
export async function attempt<R extends Answered>(
  host: Host,
  { retries, deadline }: Terms,
  send: () => Promise<R>,
): Promise<R> {
  let backoff: IBackoff<unknown> | undefined;
  let last: Ending<R> | undefined;
  for (let left = retries; ; left--) {
    const pass = host.gate.tryEnter() ?? (await turn(host, deadline, last));
    if (!pass) return conclude(last!);
    last = await ending(send);
    settle(host, pass, last, deadline);
    if (left === 0 || deadline.aborted || !mayHelp(last)) return conclude(last);
    backoff = backoff ? backoff.next(undefined) : BACKOFF.next();
    if (backoff.duration >= deadline.left || host.gate.circuit === 'open') return conclude(last);
    await sleep(backoff.duration, { signal: deadline.signal, clock: host.clock });
    host.counts.retries += 1;
  }
}

/** How an attempt ended. */
type Ending<R = Answered> = { reply: R } | { error: unknown };

async function ending<R>(send: () => Promise<R>): Promise<Ending<R>> {
  try {
    return { reply: await send() };
  } catch (error) {
    return { error };
  }
}

function conclude<R>(last: Ending<R>): R {
  if ('error' in last) throw last.error;
  return last.reply;
}

/** Waits for the gate. A refusal counts for less than what an attempt has brought already: then there is no turn. */
async function turn(
  { gate, counts }: Host,
  deadline: Deadline,
  last: Ending | undefined,
): Promise<Pass | undefined> {
  deadline.hold();
  try {
    return await gate.enter(deadline.patience, deadline.signal);
  } catch (error) {
    if (deadline.aborted) throw error;
    counts.refusals += 1;
    if (!last) throw error;
    return undefined;
  } finally {
    deadline.go();
  }
}

/** Gives the pass back, and draws the conclusions for the host. */
function settle({ gate, counts, clock, recovered }: Host, pass: Pass, end: Ending, deadline: Deadline): void {
  const outcome = outcomeOf(end, deadline);
  counts.requests[outcome] += 1;
  const pause = 'reply' in end ? pauseOf(end.reply, clock.now()) : 0;
  if (pause > 0) {
    counts.pauses += 1;
    gate.pause(pause);
  }
  gate.leave(pass, pause > 0 ? 'unknown' : verdictOf(outcome));
  if (pass === 'probe' && gate.circuit === 'closed') recovered();
}

function outcomeOf(end: Ending, deadline: Deadline): RequestOutcome {
  if ('reply' in end) return classOf(end.reply.status);
  // An answer that is too large is an answer.
  if (end.error instanceof HeadwaterError && !deadline.aborted) return '2xx';
  if (deadline.expired) return 'timeout';
  return deadline.aborted ? 'aborted' : 'failed';
}

/** A status that HTTP does not have is to be taken for a 5xx (RFC 9110, section 15). */
function classOf(status: number): RequestOutcome {
  return status > 599 ? '5xx' : (`${Math.floor(status / 100)}xx` as RequestOutcome);
}

function verdictOf(outcome: RequestOutcome): Verdict {
  if (outcome === 'aborted') return 'unknown';
  return outcome === '5xx' || outcome === 'failed' || outcome === 'timeout' ? 'sick' : 'well';
}

/** How long a host asks to be left alone. */
function pauseOf({ status, fields }: Answered, now: number): number {
  if (status !== 429 && status !== 503) return 0;
  const asked = retryAfterOf(fields['retry-after'], now) ?? (status === 429 ? UNSAID_PAUSE : 0);
  return Math.min(asked, LONGEST_WAIT);
}

function mayHelp(end: Ending): boolean {
  if ('error' in end) return wasNeverMade(end.error) || wasCut(end.error);
  const { status, fields } = end.reply;
  return PASSING.has(status) && fields['retry-after'] === undefined;
}
