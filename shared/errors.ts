/**
 * Codes a client can meet, on the wire (`{"type":"error","code":…}`) and in problem documents (RFC 9457).
 * They are stable: a retired code is not used again.
 */
export const WIRE_ERROR_CODES = [
  'bad_request',
  'unauthorized',
  'forbidden',
  'unknown_topic',
  'limit',
  'too_large',
  'unavailable',
] as const;

/** One of {@link WIRE_ERROR_CODES}. */
export type WireErrorCode = (typeof WIRE_ERROR_CODES)[number];

/** Codes of errors that stay inside the process: configuration, start-up, sources, the store. */
export type InternalErrorCode =
  | 'config_invalid'
  | 'config_unreadable'
  | 'loop_unavailable'
  | 'port_in_use'
  | 'listen_failed'
  | 'patch_invalid'
  | 'patch_conflict'
  | 'source_failed'
  | 'source_timeout'
  | 'aborted'
  | 'closed'
  | 'protocol_error'
  | 'callback_failed'
  | 'background_lost'
  | 'copy_failed'
  | 'copy_locked'
  | 'state_locked'
  | 'state_unavailable';

export type ErrorCode = WireErrorCode | InternalErrorCode;

/**
 * The one base of every error Headwater throws on purpose. Callers match on `code`, never on the text;
 * the message says what happened, where, and what to do.
 */
export class HeadwaterError extends Error {
  readonly code: ErrorCode;
  /** Which limit was reached, where that is what happened: its name under `limits` in the configuration. */
  readonly limit: string | undefined;
  /** Whether the cause is a defect in somebody's code, whose stack belongs into the log. */
  readonly defect: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options?: { cause?: unknown; limit?: string; defect?: boolean },
  ) {
    super(message, options);
    this.name = 'HeadwaterError';
    this.code = code;
    this.limit = options?.limit;
    this.defect = options?.defect ?? false;
  }
}

/** The message of anything that was thrown, for a log line or a status. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** How far a chain of causes is followed; one may lead back to itself. */
const CAUSES = 4;

/**
 * The message of what was thrown and those of its causes, the outermost first: `fetch failed: connect ECONNREFUSED
 * 127.0.0.1:8999`. What is said already is not said again; an `AggregateError` without a message has those of its errors.
 */
export function messagesOf(thrown: unknown): string {
  let text = ownMessageOf(thrown);
  let cause = causeOf(thrown);
  for (let depth = 0; cause !== undefined && depth < CAUSES; depth++) {
    const message = ownMessageOf(cause);
    if (!text.includes(message)) text = `${text}: ${message}`;
    cause = causeOf(cause);
  }
  return text;
}

function ownMessageOf(thrown: unknown): string {
  const isBare = thrown instanceof AggregateError && thrown.message === '';
  return isBare ? thrown.errors.map(messageOf).join('; ') : messageOf(thrown);
}

function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error ? (thrown.cause ?? undefined) : undefined;
}
