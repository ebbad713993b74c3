/** Why a URL could not be had, in words that follow its name: "refused the connection". */
export class WebError extends Error {
  constructor(reason: string, options?: { cause?: unknown }) {
    super(reason, options);
    this.name = 'WebError';
  }
}

const CUT = 'cut the connection before the answer was complete';
const UNTRUSTED = 'has a TLS certificate that is not trusted';
const DAMAGED = 'sent a compressed body that is damaged';

/** By the codes of Node, OpenSSL, zlib and undici. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: CUT,
  EPIPE: CUT,
  UND_ERR_SOCKET: CUT,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'sent fewer or more bytes than it announced',
  UND_ERR_CONNECT_TIMEOUT: 'could not be reached in time',
  UND_ERR_HEADERS_OVERFLOW: 'sent headers that are too large',
  ENOTFOUND: 'has a host name that is not known',
  EAI_AGAIN: 'has a host name that cannot be looked up now',
  EHOSTUNREACH: 'cannot be reached from here',
  ENETUNREACH: 'cannot be reached from here',
  ETIMEDOUT: 'could not be reached in time',
  CERT_HAS_EXPIRED: 'has a TLS certificate that has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a TLS certificate for another host',
  Z_BUF_ERROR: 'broke off in the middle of a compressed body',
  Z_DATA_ERROR: DAMAGED,
};

const NEVER_MADE = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** The failure of an exchange as a {@link WebError}, with the original as its cause. */
export function webErrorOf(error: unknown): WebError {
  if (error instanceof WebError) return error;
  const code = codeOf(error);
  return new WebError(REASONS[code] ?? familyOf(code) ?? `could not be asked (${code})`, { cause: error });
}

/** Whether the connection broke, rather than being refused or misused. */
export function wasCut(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error));
}

/** Whether there was no connection, so that nothing of the request can have arrived. */
export function wasNeverMade(error: unknown): boolean {
  return NEVER_MADE.includes(codeOf(error));
}

function familyOf(code: string): string | undefined {
  if (/^HPE_|^HTTPParserError$/.test(code)) return 'sent what is no HTTP';
  // Brotli's own error names, as Node prefixes them.
  return /^ERR_(?:_|BROTLI)/.test(code) ? DAMAGED : undefined;
}

function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.name : 'unknown';
}
