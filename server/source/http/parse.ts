import { isTooDeep, MAX_DEPTH } from '../../../shared/depth.js';
import { messageOf } from '../../../shared/errors.js';
import type { Json } from '../../../shared/json.js';
import { named } from '../../async/hold.js';
import { SourceError } from '../source-error.js';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The JSON of a body (RFC 8259, in UTF-8). */
export function parseJson(bytes: Buffer, contentType: string | undefined, label: string): Json {
  let value: Json;
  try {
    value = named(
      () => `JSON of ${label}`,
      () => JSON.parse(decoder.decode(bytes)) as Json,
    );
  } catch (cause) {
    throw new SourceError(`${label} answered ${whatCame(bytes, contentType, cause)}`, { cause });
  }
  if (isTooDeep(value)) {
    throw new SourceError(`${label} answered JSON nested deeper than ${MAX_DEPTH} levels`);
  }
  return value;
}

/** The content type is judged only now: JSON under a wrong one is common, and harmless. */
function whatCame(bytes: Buffer, contentType: string | undefined, cause: unknown): string {
  if (bytes.length === 0) return 'an empty body, not JSON';
  if (/html/i.test(contentType ?? '') || /^\s*</.test(bytes.toString('latin1', 0, 64)))
    return 'HTML, not JSON';
  // Past the comma the engine quotes the body.
  return `what is no JSON (${messageOf(cause).split(',', 1)[0]})`;
}
