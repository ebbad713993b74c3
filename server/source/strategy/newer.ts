import type { Json } from '../../../shared/json.js';
import { SourceError } from '../source-error.js';
import { valueAt } from './pointer.js';

/** Tells by one field which of two answers is the older one. */
export interface Recency {
  /** The field as it was configured, for messages. */
  readonly pointer: string;
  /** Whether an answer has the field, as a number or text. */
  dates(value: Json): boolean;
  /**
   * Whether `value` is older than `held`; false where `held` has no such field.
   * @throws {SourceError} if the two cannot be compared, such as a number and a word
   */
  older(value: Json, held: Json, label: string): boolean;
}

const INTEGER = /^-?\d+$/;
/** A date, with or without a time (RFC 3339). */
const DATE = /^\d{4}-\d\d-\d\d/;

/**
 * Compares numbers and digits by size, RFC 3339 dates by the instant they mean, other texts by their code units.
 * `tokens` is `pointer`, parsed.
 */
export function createRecency(pointer: string, tokens: readonly string[]): Recency {
  const rankOf = (value: Json) => rank(valueAt(value, tokens));
  return {
    pointer,
    dates: (value) => rankOf(value) !== undefined,
    older(value, held, label) {
      const ours = rankOf(value);
      const theirs = rankOf(held);
      if (ours === undefined || theirs === undefined) return false;
      if ((typeof ours === 'string') !== (typeof theirs === 'string')) {
        throw new SourceError(`${label} has a ${pointer} that cannot be compared with the one before`);
      }
      return ours < theirs;
    },
  };
}

function rank(field: Json | undefined): number | bigint | string | undefined {
  if (typeof field === 'number') return field;
  if (typeof field !== 'string') return undefined;
  if (INTEGER.test(field)) return BigInt(field);
  const instant = DATE.test(field) ? Date.parse(field) : Number.NaN;
  return Number.isNaN(instant) ? field : instant;
}
