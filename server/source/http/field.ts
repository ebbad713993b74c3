/** A header field as it was received. */
type Received = string | string[] | undefined;

/** A field that comes once; of one that came more often, the first. */
export function single(field: Received): string | undefined {
  return Array.isArray(field) ? field[0] : field;
}

/** A Retry-After field (RFC 9110, section 10.2.3) in ms from `now`; `undefined` if there is none that can be read. */
export function retryAfterOf(field: Received, now: number): number | undefined {
  const text = single(field);
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
