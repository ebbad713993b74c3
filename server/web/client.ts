import { pipeline, type Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import { credentialsOf } from './credentials.js';
import { decoderOf } from './encoding.js';
import { WebError, wasCut } from './failure.js';

/** The connections of one command, kept alive between requests. */
export interface WebClient {
  readonly dispatcher: Dispatcher;
  /** Cuts every connection, and resolves when none is left. */
  close(): Promise<void>;
}

export type WebResponse = Dispatcher.ResponseData;

/** The owner closes it, after the requests that use it. */
export function createWebClient(): WebClient {
  // The caller's signal is the one deadline, and covers the whole exchange.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return { dispatcher, close: () => dispatcher.destroy() };
}

/**
 * One GET, with no redirect followed. Userinfo of the URL travels as Basic credentials (RFC 7617). A connection that is
 * cut before the answer begins may be a kept one that was just closing for idleness, so it is asked once more
 * (RFC 9112, section 9.3.1).
 */
export async function get(
  { dispatcher }: WebClient,
  url: URL,
  { headers = {}, signal }: { headers?: Record<string, string>; signal: AbortSignal },
): Promise<WebResponse> {
  const options = {
    dispatcher,
    method: 'GET',
    headers: { 'user-agent': 'headwater', 'accept-encoding': 'gzip, br', ...credentialsOf(url), ...headers },
    signal,
  } as const;
  try {
    return await request(url, options);
  } catch (error) {
    if (signal.aborted || !wasCut(error)) throw error;
    return await request(url, options);
  }
}

/** The body, inflated, piece by piece. Throws a {@link WebError} at the byte that is one more than `maxBytes`. */
export async function* bodyOf({ headers, body }: WebResponse, maxBytes: number): AsyncGenerator<Buffer> {
  try {
    if (Number(headers['content-length']) > maxBytes) throw tooLarge(maxBytes);
    let size = 0;
    for await (const chunk of inflated(body, headers['content-encoding']) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      yield chunk;
    }
  } finally {
    // Frees the socket where reading ended early; after a whole body it does nothing.
    body.on('error', toldAlready).destroy();
  }
}

/** The address a redirect leads to, with the fragment dropped; `undefined` if the answer is none. */
export function redirectOf({ statusCode, headers }: WebResponse, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  const { location } = headers;
  if (typeof location !== 'string' || !URL.canParse(location, from)) {
    throw new WebError('redirected without saying where to');
  }
  const to = new URL(location, from);
  if (!/^https?:$/.test(to.protocol))
    throw new WebError(`redirected to ${to.protocol}, which is not the web`);
  to.hash = '';
  return to;
}

function inflated(body: Readable, encoding: string | string[] | undefined): Readable {
  const decoder = decoderOf(encoding);
  return decoder ? pipeline(body, decoder, toldAlready) : body;
}

function tooLarge(maxBytes: number): WebError {
  return new WebError(`is larger than ${maxBytes} bytes`);
}

/** Whoever reads the stream gets the error; destroying it says it once more. */
function toldAlready(): void {}
