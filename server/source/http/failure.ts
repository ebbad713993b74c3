import { HeadwaterError } from '../../../shared/errors.js';
import { webErrorOf } from '../../web/failure.js';
import { SourceError } from '../source-error.js';

/** One line about why an exchange failed, with the original as its cause. */
export function failureOf(error: unknown, label: string): HeadwaterError {
  if (error instanceof HeadwaterError) return error;
  const { message, cause } = webErrorOf(error);
  return new SourceError(`${label} ${message}`, { cause: cause ?? error });
}
