import { HeadwaterError } from '../../../shared/errors.js';
import { SourceError } from '../source-error.js';

/** Why one URL gave no good answer. */
export interface Failure {
  label: string;
  error: unknown;
}

/** Words that may be shown: of unknown errors only that there was one. */
export function reasonOf({ label, error }: Failure): string {
  return error instanceof HeadwaterError ? error.message : `${label} failed`;
}

/** That none of the URLs gave a good answer, with the reason of each; of one URL, its own error. */
export function noneGood(failures: readonly Failure[]): unknown {
  const { length } = failures;
  return length === 1
    ? failures[0]!.error
    : withReasons(`none of ${length} URLs gave a good answer`, failures, length);
}

/** One failure with every reason. It asks for a pause only if all of the `asked` did, and for the shortest. */
export function withReasons(what: string, failures: readonly Failure[], asked: number): SourceError {
  const message = [what, failures.map(reasonOf).join('; ')].filter((part) => part !== '').join(': ');
  const pauses = failures.flatMap(({ error }) => (error instanceof SourceError && error.retryAfter) || []);
  return new SourceError(message, {
    cause: new AggregateError(failures.map(({ error }) => error)),
    retryAfter: pauses.length === asked ? Math.min(...pauses) : undefined,
  });
}
