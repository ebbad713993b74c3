import { HeadwaterError } from '../../../shared/errors.js';
import { SourceError } from '../source-error.js';

/** What a failed exchange is called, by the codes of Node, OpenSSL, zlib and undici. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'cut the connection before the answer was complete',
  EPIPE: 'cut the connection before the answer was complete',
  UND_ERR_SOCKET: 'cut the connection before the answer was complete',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'sent fewer or more bytes than it announced',
  UND_ERR_CONNECT_TIMEOUT: 'could not be reached in time',
  UND_ERR_HEADERS_OVERFLOW: 'sent headers that are too large',
  ENOTFOUND: 'has a host name that is not known',
  EAI_AGAIN: 'has a host name that cannot be looked up now',
  EHOSTUNREACH: 'cannot be reached from here',
  ENETUNREACH: 'cannot be reached from here',
  ETIMEDOUT: 'could not be reached in time',
  CERT_HAS_EXPIRED: 'has a TLS certificate that has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'has a TLS certificate that is not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'has a TLS certificate that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'has a TLS certificate that is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a TLS certificate for another host',
  Z_BUF_ERROR: 'broke off in the middle of a compressed body',
  Z_DATA_ERROR: 'sent a compressed body that is damaged',
};

const FAMILIES: readonly [codes: RegExp, reason: string][] = [
  [/^HPE_|^HTTPParserError$/, 'sent what is no HTTP'],
  // Brotli's own error names, as Node prefixes them.
  [/^ERR_(?:_|BROTLI)/, 'sent a compressed body that is damaged'],
];

/** One line about why an exchange failed, with the original as its cause. */
export function failureOf(error: unknown, label: string): HeadwaterError {
  if (error instanceof HeadwaterError) return error;
  const code = codeOf(error);
  const reason = REASONS[code] ?? FAMILIES.find(([codes]) => codes.test(code))?.[1];
  return new SourceError(`${label} ${reason ?? `could not be asked (${code})`}`, { cause: error });
}

/** Whether the connection broke, rather than being refused or misused. */
export function wasCut(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.name : 'unknown';
}

/** A Retry-After field (RFC 9110, section 10.2.3) in ms from now; `undefined` if there is none that can be read. */
export function retryAfterOf(field: string | undefined): number | undefined {
  if (field === undefined) return undefined;
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1_000;
  const date = Date.parse(field);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
