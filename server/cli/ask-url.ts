import { performance } from 'node:perf_hooks';
import { TimeoutError, timeout } from '../async/index.js';
import { bodyOf, get, redirectOf, type WebClient } from '../web/client.js';
import { WebError, webErrorOf } from '../web/failure.js';

const MAX_REDIRECTS = 5;
const MAX_BYTES = 64 * 1024 ** 2;

/** A good answer: 2xx, and its body came whole. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** What became of one URL. `late`: it was still under way when that no longer mattered; `unasked`: it never began. */
export interface Outcome {
  readonly url: URL;
  state: 'unasked' | 'asked' | 'good' | 'failed' | 'late';
  /** By `performance.now()`. */
  startedAt: number;
  /** Milliseconds, once it is over. */
  elapsed: number;
  answer?: Answer;
  error?: string;
}

/** An outcome that is still to come. */
export function outcomeOf(url: URL): Outcome {
  return { url, state: 'unasked', startedAt: 0, elapsed: 0 };
}

/** Asks a URL, within `limit` ms, and notes what comes of it. Throws a {@link WebError}, or what the signal says. */
export async function askUrl(
  client: WebClient,
  outcome: Outcome,
  limit: number,
  signal: AbortSignal,
): Promise<Answer> {
  outcome.state = 'asked';
  outcome.startedAt = performance.now();
  try {
    outcome.answer = await timeout(limit, (own) => answerOf(client, outcome.url, own), { signal });
    outcome.state = 'good';
    return outcome.answer;
  } catch (error) {
    if (signal.aborted) {
      outcome.state = 'late';
      throw error;
    }
    outcome.state = 'failed';
    outcome.error =
      error instanceof TimeoutError ? `did not answer within ${limit / 1000} s` : webErrorOf(error).message;
    throw new WebError(outcome.error, { cause: error });
  } finally {
    outcome.elapsed = performance.now() - outcome.startedAt;
  }
}

/** What an answer says: JSON as a value, other text as a string; `undefined` for what is neither. */
export function valueOfAnswer({ type, body }: Answer): unknown {
  if (!isText(type)) return undefined;
  const text = body.toString('utf8');
  if (!/[/+]json\b/.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether a media type is one to be read by people. */
export function isText(type: string): boolean {
  return /^text\/|[/+](?:json|xml|javascript|yaml)\b/.test(type);
}

async function answerOf(client: WebClient, url: URL, signal: AbortSignal): Promise<Answer> {
  let place = url;
  for (let redirects = 0; ; redirects++) {
    const response = await get(client, place, { signal });
    const target = redirectOf(response, place);
    if (target === undefined) {
      if (response.statusCode < 200 || response.statusCode > 299) {
        await response.body.dump({ limit: 16 * 1024, signal });
        throw new WebError(`answered ${response.statusCode}`);
      }
      const chunks: Buffer[] = [];
      for await (const chunk of bodyOf(response, MAX_BYTES)) chunks.push(chunk);
      const type = String(response.headers['content-type'] ?? '').toLowerCase();
      return { status: response.statusCode, type, body: Buffer.concat(chunks) };
    }
    await response.body.dump({ limit: 16 * 1024, signal });
    if (redirects >= MAX_REDIRECTS) throw new WebError(`redirected more than ${MAX_REDIRECTS} times`);
    place = target;
  }
}
