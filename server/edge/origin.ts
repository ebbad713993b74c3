import type { HttpHeaders, HttpRequest } from '../loop/policy.js';

/**
 * Which web pages may use this server: its own, and those of the configured origins. Its own are those whose origin is
 * the host that was asked, whatever that is called: behind a proxy the server does not know its public name. So a page
 * that was rebound to this server by DNS passes too; it can do what needs no token.
 */
export interface OriginCheck {
  /** True for clients that are no web page (no `Origin`), and for pages of an allowed origin. */
  allows(request: HttpRequest): boolean;
  /** Headers that let a page of an allowed foreign origin read the answer (WHATWG Fetch, 3.3). */
  headers(request: HttpRequest): HttpHeaders;
}

const EXPOSED = 'etag, age, last-modified, preference-applied';

/** `*` among the origins allows every page. */
export function createOriginCheck(origins: readonly string[]): OriginCheck {
  const listed = new Set(origins);
  const everyone = listed.has('*');

  function isOwn(origin: string, request: HttpRequest): boolean {
    const host = request.header('host');
    return host !== undefined && URL.canParse(origin) && new URL(origin).host === host;
  }
  const isListed = (origin: string) => everyone || listed.has(origin);

  return {
    allows(request) {
      const origin = request.header('origin');
      return origin === undefined || isListed(origin) || isOwn(origin, request);
    },
    headers(request): HttpHeaders {
      const origin = request.header('origin');
      if (listed.size === 0) return {};
      // The same for all, so that a cache keeps one answer.
      if (everyone) return { 'access-control-allow-origin': '*', 'access-control-expose-headers': EXPOSED };
      if (origin === undefined || !listed.has(origin)) return { vary: 'Origin' };
      return {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': EXPOSED,
        vary: 'Origin',
      };
    },
  };
}

/** Answers a preflight (WHATWG Fetch, 3.3.3) of a page that `check` allows. */
export function preflightHeaders(request: HttpRequest, check: OriginCheck): HttpHeaders {
  return {
    ...check.headers(request),
    'access-control-allow-methods': 'GET, HEAD, PUT, PATCH, POST',
    'access-control-allow-headers':
      'authorization, cache-control, content-type, if-match, if-none-match, last-event-id, prefer',
    'access-control-max-age': '600',
  };
}
