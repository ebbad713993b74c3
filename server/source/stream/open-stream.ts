import type { Readable } from 'node:stream';
import { request } from 'undici';
import { wasCut } from '../../web/failure.js';
import type { Deadline } from '../deadline.js';
import { attempt } from '../host/attempt.js';
import type { HttpClient } from '../http/client.js';
import type { Question, Reply } from '../http/exchange.js';
import { retryAfterOf } from '../http/field.js';
import { followRedirects } from '../http/redirect.js';
import { SourceError } from '../source-error.js';

/** An answer whose body goes on. */
export interface OpenStream extends Pick<Reply, 'status' | 'fields'> {
  body: Readable;
}

/** An answer that is no stream. */
export class UnexpectedStatus extends SourceError {
  readonly status: number;

  constructor(label: string, status: number, retryAfter: number | undefined) {
    super(`${label} answered with status ${status}`, { retryAfter });
    this.name = 'UnexpectedStatus';
    this.status = status;
  }
}

/** So much of a body that nobody wants is read so that the connection can be used again. */
const UNWANTED_BYTES = 16 * 1024;
/** By 204 an upstream says that the stream is over for good; it is asked again all the same, but rarely. */
const AFTER_THE_END = 5 * 60 * 1_000;

/**
 * Asks for a stream when the turn of its host comes, with redirects as for any source. Like any request it counts
 * against the host's budget and tells how the host fares; its place among those under way it gives back when the answer
 * begins, since a stream may stand for days. `deadline` is for that long, and has no power over the body.
 * @throws {UnexpectedStatus} for a status other than 200 and 204; {SourceError} for 204, or when the host takes no
 *   request now; whatever undici throws; the reason of the signals
 */
export async function openStream(
  { dispatcher, hosts }: HttpClient,
  question: Question,
  { signal, deadline }: { signal: AbortSignal; deadline: Deadline },
): Promise<OpenStream> {
  const { clock } = hosts.at(question.target.origin);
  const stream = await followRedirects(question, (asked) =>
    // Whoever follows the stream tries again.
    attempt(hosts.at(asked.target.origin), { retries: 0, deadline }, () => send(dispatcher, asked, signal)),
  );
  const { status, fields } = stream;
  if (status === 200) return stream;
  const { label } = question;
  // WHATWG HTML, section 9.2.3.
  if (status === 204) {
    throw new SourceError(`${label} has ended the stream for good (status 204)`, {
      retryAfter: AFTER_THE_END,
    });
  }
  const retryAfter = retryAfterOf(fields['retry-after'], clock.now());
  throw new UnexpectedStatus(label, status, retryAfter);
}

/**
 * A kept connection may just be closing, so a request that is cut off before its answer is sent once more (RFC 9112,
 * section 9.3.1).
 */
async function send(
  dispatcher: HttpClient['dispatcher'],
  { target, headers }: Question,
  signal: AbortSignal,
): Promise<OpenStream> {
  const ask = () => request(target.url, { dispatcher, method: 'GET', headers, signal });
  const {
    statusCode,
    headers: fields,
    body,
  } = await ask().catch((error: unknown) => {
    if (signal.aborted || !wasCut(error)) throw error;
    return ask();
  });
  // Whoever reads hears of every failure; without a listener, one that comes when nobody reads would end the process.
  body.on('error', () => {});
  if (statusCode !== 200) await body.dump({ limit: UNWANTED_BYTES, signal });
  return { status: statusCode, fields, body };
}
