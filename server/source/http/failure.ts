import { HeadwaterError } from '../../../shared/errors.js';
import { webErrorOf } from '../../web/failure.js';
import { SourceError } from '../source-error.js';

/** One line about why an exchange failed, with the original as its cause. */
export function failureOf(error: unknown, label: string): HeadwaterError {
  if (error instanceof HeadwaterError) return error;
  const { message, cause } = webErrorOf(error);
  return new SourceError(`${label} ${message}`, { cause: cause ?? error });
}

/** A Retry-After field (RFC 9110, section 10.2.3) in ms from `now`; `undefined` if there is none that can be read. */
export function retryAfterOf(field: string | undefined, now = Date.now()): number | undefined {
  if (field === undefined) return undefined;
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1_000;
  const date = Date.parse(field);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
