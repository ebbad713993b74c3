import { Agent, type Dispatcher, request } from 'undici';
import { SourceError } from '../source-error.js';
import { wasCut } from './failure.js';

/** The connections of one server to its upstreams, kept alive between fetches. */
export interface HttpClient {
  readonly dispatcher: Dispatcher;
  /** Cuts every connection, and resolves when none is left. */
  close(): Promise<void>;
}

export type HttpResponse = Dispatcher.ResponseData;

/** The owner closes it, after the sources that use it. */
export function createHttpClient(): HttpClient {
  const dispatcher = new Agent({
    // One deadline, the source's own, covers the whole exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
    // As long as the slowest interval that a kept connection is worth waiting for.
    keepAliveTimeout: 30_000,
  });
  return { dispatcher, close: () => dispatcher.destroy() };
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

interface Question {
  url: URL;
  label: string;
  method: 'GET' | 'POST';
  /** With a `content-type` where there is a body. */
  headers: Readonly<Record<string, string>>;
  /** Only with POST. */
  body?: string | undefined;
  signal: AbortSignal;
}

/**
 * The answer to a question, after at most five redirects. They may not leave the host, nor https: the headers and the
 * body can carry credentials that are meant for it alone. Which of them turn a POST into a GET is RFC 9110's
 * section 15.4: 303, and by long habit 301 and 302.
 */
export async function answer(client: HttpClient, question: Question): Promise<HttpResponse> {
  const { url, label, signal } = question;
  const visited = new Set<string>();
  let place = url;
  let asked = question;
  for (;;) {
    visited.add(place.href);
    const response = await ask(client, place, asked);
    const { statusCode } = response;
    if (!REDIRECTS.has(statusCode)) return response;
    if (statusCode < 307 && asked.method !== 'GET') asked = asGet(asked);

    await response.body.dump({ limit: 16 * 1024, signal });
    const { location } = response.headers;
    const next = typeof location === 'string' && URL.canParse(location, place) && new URL(location, place);
    if (!next) throw new SourceError(`${label} redirected without saying where to`);
    next.hash = '';
    if (next.host !== place.host) throw new SourceError(`${label} redirected to another host, ${next.host}`);
    if (next.protocol !== place.protocol && next.protocol !== 'https:') {
      throw new SourceError(`${label} redirected from https to ${next.protocol.slice(0, -1)}`);
    }
    if (visited.has(next.href)) throw new SourceError(`${label} redirected in a circle`);
    if (visited.size > MAX_REDIRECTS) {
      throw new SourceError(`${label} redirected more than ${MAX_REDIRECTS} times`);
    }
    place = next;
  }
}

function asGet({ headers, ...question }: Question): Question {
  const { 'content-type': _, ...others } = headers;
  return { ...question, method: 'GET', headers: others, body: undefined };
}

/**
 * One request. A connection that is cut before the answer begins may be a kept one that the server was just closing for
 * idleness, so it is asked once more (RFC 9112, section 9.3.1); a POST too, since a source only ever asks, and asks
 * again at its next turn anyway.
 */
async function ask(
  { dispatcher }: HttpClient,
  url: URL,
  { method, headers, body, signal }: Question,
): Promise<HttpResponse> {
  const options = { dispatcher, method, headers, body: body ?? null, signal } as const;
  try {
    return await request(url, options);
  } catch (error) {
    if (signal.aborted || !wasCut(error)) throw error;
    return await request(url, options);
  }
}
