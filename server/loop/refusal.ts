import { STATUS_CODES } from 'node:http';
import type { HttpHeaders } from './policy.js';

/** The answer to a request that reaches no handler. */
export interface Refusal {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: string;
}

/** A problem document (RFC 9457) of the client's mistake. */
export function refusal(status: number, detail: string, headers: HttpHeaders = {}): Refusal {
  const title = STATUS_CODES[status];
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ type: 'about:blank', title, status, detail, code: 'bad_request' }),
  };
}
