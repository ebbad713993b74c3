import { type ErrorCode, HeadwaterError, type WireErrorCode } from '../../shared/errors.js';
import type { HttpHeaders } from '../loop/policy.js';
import type { LimitName } from './limit-hits.js';

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const STATUS_OF: Record<WireErrorCode, number> = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  unknown_topic: 404,
  limit: 429,
  too_large: 413,
  unavailable: 503,
};

/** How each error of the house shows to a client; what is not listed is a defect and shows as `unavailable`. */
const WIRE_CODE_OF: Partial<Record<ErrorCode, WireErrorCode>> = {
  bad_request: 'bad_request',
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  unknown_topic: 'unknown_topic',
  limit: 'limit',
  too_large: 'too_large',
  unavailable: 'unavailable',
  closed: 'unavailable',
  aborted: 'unavailable',
  patch_invalid: 'bad_request',
  patch_conflict: 'bad_request',
};

/** What a client is told of an error: never the text of one that was not made for it. */
export function wireErrorOf(error: unknown): { code: WireErrorCode; message: string; expected: boolean } {
  const code = error instanceof HeadwaterError ? WIRE_CODE_OF[error.code] : undefined;
  if (code) return { code, message: (error as HeadwaterError).message, expected: true };
  return { code: 'unavailable', message: 'the server failed to do this: its log says why', expected: false };
}

/** An answer ready to be sent. */
export interface Reply {
  status: number;
  headers: HttpHeaders;
  body?: string | Uint8Array;
}

/** A problem document (RFC 9457) with the wire `code` as an extension member. `status` defaults to the code's own. */
export function problem(
  code: WireErrorCode,
  detail: string,
  status = STATUS_OF[code],
  headers: HttpHeaders = {},
): Reply {
  const challenge: HttpHeaders = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...challenge,
      ...headers,
    },
    body: JSON.stringify({ type: 'about:blank', title: TITLES[status], status, detail, code }),
  };
}

/** The problem document of whatever was thrown. */
export function problemOf(error: unknown): Reply {
  const { code, message, expected } = wireErrorOf(error);
  if (!expected || !(error instanceof HeadwaterError)) return problem(code, message, 500);
  const { limit = '' } = error;
  const status = error.code === 'patch_conflict' ? 409 : STATUS_OF_LIMIT[limit];
  return problem(code, message, status, PASSES.has(limit) ? { 'retry-after': retryAfter() } : {});
}

/** Where a limit has a status of its own. */
const STATUS_OF_LIMIT: Partial<Record<string, number>> = { urlBytes: 414, headerBytes: 431, bodyPace: 408 };
/** Limits that the same request may not meet a moment later. */
const PASSES: ReadonlySet<string> = new Set<LimitName>([
  'connections',
  'connectionsPerAddress',
  'acceptPerSecond',
  'publishesPerSecond',
  'races',
]);
/** In seconds: not the same for everybody, or a crowd would come back as one. */
const RETRY_AFTER = { least: 1, most: 5 };

function retryAfter(): string {
  const { least, most } = RETRY_AFTER;
  return String(least + Math.floor(Math.random() * (most - least + 1)));
}
