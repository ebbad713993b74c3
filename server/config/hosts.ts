import { z } from 'zod';
import type { Quota } from '../source/host/quota.js';
import * as scalar from './scalar.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const UNITS: Readonly<Record<string, number>> = {
  s: SECOND,
  m: MINUTE,
  min: MINUTE,
  h: HOUR,
  day: 24 * HOUR,
};

/** What is remembered of each request within a second or a minute is bounded by this. */
const MOST_PER_MINUTE = 100_000;

/** Reads `10/s`, `600/m` (or `/min`), `5000/h`, `1000/day`; `undefined` for anything else. */
export function parseQuota(text: string): Quota | undefined {
  const match = /^(\d{1,12})\/(s|m|min|h|day)$/.exec(text);
  if (!match) return undefined;
  const count = Number(match[1]);
  const per = UNITS[match[2]!]!;
  return count >= 1 && (per > MINUTE || count <= MOST_PER_MINUTE) ? { text, count, per } : undefined;
}

const quota = z.custom<string>(
  (value) => typeof value === 'string' && parseQuota(value) !== undefined,
  `how many requests in what time, such as 10/s, 600/m, 5000/h or 1000/day, up to ${MOST_PER_MINUTE} for /s and /m`,
);

/** A budget is one quota or several, all of which hold. */
const budget = z.transform<string | string[], string[]>((value, context) => {
  const result = z.array(quota).safeParse(typeof value === 'string' ? [value] : value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    // One quota by itself has no place in a list to point at.
    const path = Array.isArray(value) ? issue.path : [];
    const message = Array.isArray(value) || typeof value === 'string' ? issue.message : NO_BUDGET;
    context.issues.push({ code: 'custom', message, path, input: value });
  }
  return z.NEVER;
});

const NO_BUDGET = 'one quota such as 10/s, or a list of them';

const host = z.strictObject({
  /** Requests under way at once, of all sources. */
  concurrency: scalar.integer(1, 10_000).default(32),
  /** How often it may be asked, by all sources. */
  budget: budget.default([]),
});

/** What all sources together may ask of a host, by its name, with or without a port. */
export const hostsSchema = z
  .record(z.string().refine(isHost, 'a host in lower case, such as api.example or api.example:8443'), host)
  .default({});

/** Whether it is written as URLs (WHATWG) name it once they are read. */
function isHost(text: string): boolean {
  const [, name, port] = /^(.+?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (name === undefined || !URL.canParse(`http://${name}`)) return false;
  return new URL(`http://${name}`).href === `http://${name}/` && Number(port ?? 1) <= 65_535;
}
