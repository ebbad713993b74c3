import type { Json, JsonObject } from '../../../shared/json.js';

/** What lies at a JSON Pointer (RFC 6901), given as its reference tokens; `undefined` if nothing does. */
export function valueAt(value: Json, tokens: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const token of tokens) {
    if (typeof at !== 'object' || at === null) return undefined;
    if (Array.isArray(at)) at = at[indexOf(token)];
    else at = Object.hasOwn(at, token) ? (at as JsonObject)[token] : undefined;
  }
  return at;
}

/** A value without what lies at a pointer; in an array null takes its place. Shares with `value` what it can. */
export function without(value: Json, tokens: readonly string[]): Json {
  const [token, ...rest] = tokens;
  if (token === undefined || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const index = indexOf(token);
    const element = value[index];
    if (element === undefined) return value;
    return value.map((item: Json, i) =>
      i !== index ? item : rest.length === 0 ? null : without(item, rest),
    );
  }
  if (!Object.hasOwn(value, token)) return value;
  const { [token]: found, ...others } = value as JsonObject;
  return rest.length === 0 ? others : { ...others, [token]: without(found!, rest) };
}

/** -1, where no element is, for a token that is no index. */
function indexOf(token: string): number {
  return /^(?:0|[1-9]\d{0,9})$/.test(token) ? Number(token) : -1;
}
