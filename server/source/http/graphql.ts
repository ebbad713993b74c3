import type { Json, JsonObject } from '../../../shared/json.js';
import { SourceError } from '../source-error.js';

const SHOWN_CHARACTERS = 160;
/** Shorter words of a header, such as Bearer, are no secrets. */
const SECRET_CHARACTERS = 8;

/** Reads GraphQL responses (GraphQL specification, section 7.1). */
export interface GraphqlReader {
  /**
   * The `data` of a response. Data that came with errors is incomplete, so it counts as none.
   * @throws {SourceError} with the message of the first error
   */
  dataOf(response: Json, label: string): Json;
  /** The message of the first error, in one line; `undefined` if there is no error. */
  errorOf(response: Json): string | undefined;
}

/** `headers` are those of the request: a server that repeats one of their secrets in a message does not give it away. */
export function createGraphqlReader(headers: Readonly<Record<string, string>> = {}): GraphqlReader {
  const secrets = Object.values(headers)
    .flatMap((value) => value.split(/\s+/))
    .filter((word) => word.length >= SECRET_CHARACTERS);

  function errorOf(response: Json): string | undefined {
    const errors = isObject(response) ? response.errors : undefined;
    if (!Array.isArray(errors) || errors.length === 0) return undefined;
    const first: Json = errors[0];
    if (!isObject(first) || typeof first.message !== 'string') return 'an error without a message';
    const safe = secrets.reduce((text, secret) => text.replaceAll(secret, '(secret)'), first.message);
    const line = safe.replace(/[\s\p{C}]+/gu, ' ').trim();
    return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS - 3)}...` : line;
  }

  return {
    errorOf,
    dataOf(response, label) {
      const error = errorOf(response);
      if (error !== undefined) throw new SourceError(`${label} answered the GraphQL error "${error}"`);
      const data = isObject(response) ? response.data : undefined;
      if (!isObject(data)) throw new SourceError(`${label} answered JSON that is no GraphQL response`);
      return data;
    },
  };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
