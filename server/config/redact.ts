import { type ConfigPath, formatPath } from './problem.js';

/** What is printed in place of a secret. */
const SECRET = '(secret)';

const SECRET_PLACES = [/^auth\b/, /^sources\[\d+\]\.(?:fetch|batch)\.(?:headers|body|graphql\.variables)\b/];

/** The strings that had `${VARIABLES}` in them, by the text form of their path, as they were written. */
export type Written = ReadonlyMap<string, string>;

/** Whether the value at a path is nobody's business: a token, a header, what is sent. */
export function isSecret(path: string): boolean {
  return SECRET_PLACES.some((place) => place.test(path));
}

/** A text without the user and password that its URLs may carry (RFC 3986, 3.2.1). */
export function withoutUserinfo(text: string): string {
  return text.replace(/(:\/\/)[^/?#\s]*@/g, `$1${SECRET}@`);
}

/**
 * A copy of a configuration that may be shown: tokens, headers, bodies and userinfo are hidden, and what came out of
 * the environment is shown as it was written, `${API_KEY}`.
 */
export function redactConfig(config: unknown, written: Written): unknown {
  return redact(config, [], written);
}

function redact(value: unknown, path: ConfigPath, written: Written): unknown {
  if (Array.isArray(value)) return value.map((item, i) => redact(item, [...path, i], written));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, redact(item, [...path, key], written)]),
    );
  }
  if (typeof value === 'function') return '(function)';
  const place = formatPath(path);
  if (isSecret(place)) return SECRET;
  // `fetch: http://…` is short for `fetch: { url: http://… }`.
  const text = written.get(place) ?? written.get(place.replace(/\.fetch\.url$/, '.fetch')) ?? value;
  return typeof text === 'string' ? withoutUserinfo(text) : text;
}
