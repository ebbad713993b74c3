import { HeadwaterError } from '../../shared/errors.js';

/** A fetch that failed: one short line without secrets, fit for clients. */
export class SourceError extends HeadwaterError {
  /** Milliseconds that the upstream asked to be left alone (Retry-After); `undefined` if it did not. */
  readonly retryAfter: number | undefined;

  constructor(
    message: string,
    options: { cause?: unknown; retryAfter?: number | undefined; defect?: boolean } = {},
  ) {
    super('source_failed', message, options);
    this.name = 'SourceError';
    this.retryAfter = options.retryAfter;
  }
}

/** A fetch that took longer than it may. */
export function timedOut(label: string, timeout: number): HeadwaterError {
  return new HeadwaterError(
    'source_timeout',
    `${label} gave no complete answer within ${durationText(timeout)}`,
  );
}

/** A number of ms for people: `250 ms`, `1.5 s`. */
export function durationText(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}

const REASON_CHARACTERS = 300;

/** What clients may learn of a failed fetch: one short line. Of errors other than {@link HeadwaterError} only that the source failed. */
export function reasonOf(label: string, error: unknown): string {
  const text = error instanceof HeadwaterError ? error.message : `${label} failed`;
  const line = text.split('\n', 1)[0]!;
  return line.length > REASON_CHARACTERS ? `${line.slice(0, REASON_CHARACTERS - 3)}...` : line;
}
