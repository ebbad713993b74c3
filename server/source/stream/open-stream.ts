import type { Readable } from 'node:stream';
import { request } from 'undici';
import { wasCut } from '../../web/failure.js';
import type { HttpClient } from '../http/client.js';
import type { Question, Reply } from '../http/exchange.js';
import { retryAfterOf } from '../http/failure.js';
import { followRedirects } from '../http/redirect.js';
import { SourceError } from '../source-error.js';

/** An answer whose body goes on. */
export interface OpenStream extends Pick<Reply, 'status' | 'fields'> {
  body: Readable;
}

/** So much of a body that nobody wants is read so that the connection can be used again. */
const UNWANTED_BYTES = 16 * 1024;
/** By 204 an upstream says that the stream is over for good; it is asked again all the same, but rarely. */
const AFTER_THE_END = 5 * 60 * 1_000;

/**
 * Asks for a stream, with redirects as for any source.
 * @throws {SourceError} for a status other than 200; whatever undici throws; the reason of `signal`
 */
export async function openStream(client: HttpClient, question: Question): Promise<OpenStream> {
  const stream = await followRedirects(question, (asked) => send(client, asked));
  const { status, fields } = stream;
  if (status === 200) return stream;
  const { label } = question;
  // WHATWG HTML, section 9.2.3.
  if (status === 204) {
    throw new SourceError(`${label} has ended the stream for good (status 204)`, {
      retryAfter: AFTER_THE_END,
    });
  }
  const field = fields['retry-after'];
  const retryAfter = retryAfterOf(Array.isArray(field) ? field[0] : field);
  throw new SourceError(`${label} answered with status ${status}`, { retryAfter });
}

/** A kept connection may just be closing, so a request that is cut off before its answer is sent once more (RFC 9112, section 9.3.1). */
async function send({ dispatcher }: HttpClient, { target, headers, signal }: Question): Promise<OpenStream> {
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
