import { HeadwaterError } from '../../shared/errors.js';

/** A fetch that failed: one short line without secrets, fit for clients. */
export class SourceError extends HeadwaterError {
  /** Milliseconds that the upstream asked to be left alone (Retry-After); `undefined` if it did not. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: { cause?: unknown; retryAfter?: number | undefined } = {}) {
    super('source_failed', message, options);
    this.name = 'SourceError';
    this.retryAfter = options.retryAfter;
  }
}

/** A fetch that took longer than it may. */
export function timedOut(label: string, timeout: number): HeadwaterError {
  const text = timeout < 1_000 ? `${timeout} ms` : `${timeout / 1_000} s`;
  return new HeadwaterError('source_timeout', `${label} gave no complete answer within ${text}`);
}
