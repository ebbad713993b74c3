import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { HttpHeaders } from './policy.js';

/** Throws on a name or value that HTTP has no room for, such as a line break, before anything of an answer is written. */
export function checkHeaders(headers: HttpHeaders): void {
  for (const name in headers) {
    validateHeaderName(name);
    validateHeaderValue(name, headers[name]!);
  }
}
