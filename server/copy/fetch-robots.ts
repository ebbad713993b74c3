import { TimeoutError, timeout } from '../async/index.js';
import { bodyOf, get, redirectOf, type WebClient, type WebResponse } from '../web/client.js';
import { WebError, webErrorOf } from '../web/failure.js';
import { MAX_ROBOTS_BYTES, type Robots, robotsFrom } from './robots.js';

/** RFC 9309, section 2.3.1.2: at least this many are followed, also to other hosts. */
const MAX_REDIRECTS = 5;

interface FetchOptions {
  /** Milliseconds. */
  timeout: number;
  signal: AbortSignal;
}

/**
 * The rules of a site. One without a robots.txt (4xx) allows everything; one that cannot be reached or fails (5xx)
 * allows nothing (RFC 9309, section 2.3.1): then throws a {@link WebError} that says why.
 */
export async function fetchRobots(client: WebClient, start: URL, options: FetchOptions): Promise<Robots> {
  try {
    return await timeout(options.timeout, (own) => ask(client, new URL('/robots.txt', start), own), {
      signal: options.signal,
      name: 'robots.txt',
    });
  } catch (error) {
    if (options.signal.aborted) throw error;
    if (error instanceof TimeoutError)
      throw new WebError(`did not answer within ${options.timeout / 1000} s`);
    throw webErrorOf(error);
  }
}

async function ask(client: WebClient, url: URL, signal: AbortSignal): Promise<Robots> {
  let place = url;
  for (let redirects = 0; ; redirects++) {
    const response = await get(client, place, { signal });
    const { statusCode } = response;
    if (statusCode === 200) return robotsFrom(url.origin, await beginningOf(response));
    const target = redirectOf(response, place);
    await response.body.dump({ limit: 64 * 1024, signal });
    if (statusCode >= 500 || statusCode === 429) {
      throw new WebError(`answered ${statusCode} for /robots.txt, so that nothing may be fetched`);
    }
    if (!target || redirects >= MAX_REDIRECTS) return () => true;
    place = target;
  }
}

async function beginningOf(response: WebResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(response, Number.POSITIVE_INFINITY)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_ROBOTS_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ROBOTS_BYTES).toString('utf8');
}
