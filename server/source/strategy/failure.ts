import { HeadwaterError } from '../../../shared/errors.js';
import { SourceError } from '../source-error.js';

/** Why a URL gave no good answer, in words that may be shown: of unknown errors only that there was one. */
export function reasonOf(label: string, error: unknown): string {
  return error instanceof HeadwaterError ? error.message : `${label} failed`;
}

/** One failure for many, with every reason; it asks for a pause only if each of them did, and for the shortest. */
export function allFailed(
  what: string,
  failures: readonly { label: string; error: unknown }[],
  others: readonly string[] = [],
): SourceError {
  const reasons = [...others, ...failures.map(({ label, error }) => reasonOf(label, error))];
  const pauses = failures.map(({ error }) => (error instanceof SourceError ? error.retryAfter : undefined));
  const asked = pauses.filter((pause) => pause !== undefined);
  const retryAfter =
    others.length === 0 && asked.length > 0 && asked.length === pauses.length
      ? Math.min(...asked)
      : undefined;
  const cause = new AggregateError(failures.map(({ error }) => error));
  return new SourceError(`${what}: ${reasons.join('; ')}`, { cause, retryAfter });
}
