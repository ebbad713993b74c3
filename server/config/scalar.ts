import { z } from 'zod';
import type { Json } from '../../shared/json.js';
import { parsePointer } from '../../shared/pointer.js';
import { isTopicPattern } from '../../shared/topic-pattern.js';
import { type Duration, MAX_DURATION_MS, MAX_TIMER_MS, parseDuration } from './duration.js';
import { patternCost } from './pattern-cost.js';

/**
 * A single value of the configuration. The message of its issue is what was expected, as a noun phrase; it may depend
 * on what was found.
 * `read` gives `undefined` for what it refuses.
 */
function scalar<Output, Input>(
  expected: string | ((value: unknown) => string),
  read: (value: unknown) => Output | undefined,
  words: readonly string[] = [],
) {
  return z.transform<Input, Output>((value, context) => {
    const output = read(value);
    if (output !== undefined) return output;
    const message = typeof expected === 'string' ? expected : expected(value);
    context.issues.push({ code: 'custom', message, params: { words }, input: value });
    return z.NEVER;
  });
}

/** A whole number from `min` to `max`. Digits in a string count, since environment variables are strings. */
export function integer(min: number, max: number, unit = '') {
  const noun = unit === '' ? 'a whole number' : `a whole number of ${unit}`;
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
  return scalar<number, number>(`${noun}, ${range}`, (value) => {
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max
      ? number
      : undefined;
  });
}

/** How many of something, where 0 means no limit. */
export const count = () => integer(0, Number.MAX_SAFE_INTEGER);

/** A size in bytes. */
export const bytes = (min: number) => integer(min, Number.MAX_SAFE_INTEGER, 'bytes');

/** Yes or no. The word in a string counts, since environment variables are strings. */
export const flag = () =>
  scalar<boolean, boolean>('true or false', (value) => {
    if (value === true || value === 'true') return true;
    return value === false || value === 'false' ? false : undefined;
  });

/** A TCP port; 0 takes any free one. */
export const port = () => integer(0, 65_535);

const durations = new WeakSet<object>();

/**
 * A length of time, in milliseconds once read. A number counts as milliseconds: whether it may is the file's affair.
 * As long as a timer of the runtime can wait, unless `maxMs` says otherwise.
 */
export function duration(minMs: number, maxMs = MAX_TIMER_MS) {
  const schema = scalar<number, Duration>(
    (value) => durationNoun(value, minMs, maxMs),
    (value) => readDuration(value, minMs, maxMs),
  );
  durations.add(schema);
  return schema;
}

/** A {@link duration} of up to a year: for what waits on the sources' clock. */
export const interval = (minMs: number) => duration(minMs, MAX_DURATION_MS);

/** A {@link duration}, or one word in its place. */
export function durationOr<const Word extends string>(minMs: number, word: Word) {
  const schema = scalar<number | Word, Duration | Word>(
    (value) => `${durationNoun(value, minMs, MAX_TIMER_MS)}, or ${word}`,
    (value) => (value === word ? word : readDuration(value, minMs, MAX_TIMER_MS)),
  );
  durations.add(schema);
  return schema;
}

const HOUR = 3_600_000;

function durationNoun(value: unknown, minMs: number, maxMs: number): string {
  if (isTooLong(value, maxMs)) return `a duration of at most ${Math.floor(maxMs / HOUR)}h`;
  const least = minMs === 0 ? '' : minMs === 1 ? ', above 0' : `, at least ${minMs}ms`;
  return `a duration such as 250ms, 1s, 5m or 1h${least}`;
}

function isTooLong(value: unknown, maxMs: number): boolean {
  const ms = typeof value === 'string' ? parseDuration(value, Number.MAX_SAFE_INTEGER) : value;
  return typeof ms === 'number' && ms > maxMs;
}

function readDuration(value: unknown, minMs: number, maxMs: number): number | undefined {
  const ms = typeof value === 'string' ? parseDuration(value) : value;
  return typeof ms === 'number' && Number.isInteger(ms) && ms >= minMs && ms <= maxMs ? ms : undefined;
}

/** Whether a schema is a {@link duration}. */
export function isDuration(schema: object | undefined): boolean {
  return schema !== undefined && durations.has(schema);
}

/** Text that is not empty. */
export function text(expected: string) {
  return scalar<string, string>(expected, (value) =>
    typeof value === 'string' && value !== '' ? value : undefined,
  );
}

/** The value of a header (RFC 9110, section 5.5). */
export function headerValue() {
  return scalar<string, string>('text without line breaks and control characters', (value) =>
    typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? value : undefined,
  );
}

/** One word of several. */
export function oneOf<const Word extends string>(...words: Word[]) {
  return scalar<Word, Word>(
    `one of ${words.join(', ')}`,
    (value) => words.find((word) => word === value),
    words,
  );
}

/** Any value that JSON can carry. */
export function json() {
  return scalar<Json, Json>('a value that JSON can carry', (value) => (isJson(value) ? value : undefined));
}

function isJson(value: unknown): value is Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson);
}

/** A JSON Pointer (RFC 6901) to something within a document. */
export function pointer() {
  return scalar<string, string>('a JSON pointer such as /rates', readPointer);
}

/** A {@link pointer}, or in code a function that judges a value. */
export function pointerOrFunction() {
  type Judge = (value: Json) => boolean;
  return scalar<string | Judge, string | Judge>(
    'a JSON pointer such as /rates, or in code a function',
    (value) => (typeof value === 'function' ? (value as Judge) : readPointer(value)),
  );
}

/** The name of a field, or a {@link pointer} to one. */
export function field() {
  return scalar<string, string>('the name of a field, or a JSON pointer to one', (value) =>
    typeof value === 'string' && !value.startsWith('/') && value !== '' ? value : readPointer(value),
  );
}

function readPointer(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && parsePointer(value) ? value : undefined;
}

/** A bearer token (RFC 6750, section 2.1), at least 8 characters so that nobody guesses it in an afternoon. */
export function token() {
  return scalar<string, string>('a token of 8 characters or more, without spaces', (value) =>
    typeof value === 'string' && /^[A-Za-z0-9\-._~+/]{8,}=*$/.test(value) ? value : undefined,
  );
}

/** An absolute `http:` or `https:` URL (WHATWG). */
export function httpUrl() {
  return scalar<string, string>('an absolute URL that begins with http:// or https://', (value) => {
    if (typeof value !== 'string' || !/^https?:\/\//i.test(value)) return undefined;
    return URL.canParse(value) ? value : undefined;
  });
}

/** A `redis:` or, for TLS, `rediss:` URL. */
export function redisUrl() {
  return scalar<string, string>('a URL such as redis://localhost:6379 or rediss://…', (value) => {
    if (typeof value !== 'string' || !/^rediss?:\/\/[^/]/i.test(value)) return undefined;
    return URL.canParse(value) && /^\/?\d*$/.test(new URL(value).pathname) ? value : undefined;
  });
}

/** A web origin (RFC 6454): scheme, host and port, no path; `*` is all of them. */
export function origin() {
  return scalar<string, string>('an origin such as https://app.example, without a path, or "*"', (value) => {
    if (value === '*') return value;
    if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
    const url = new URL(value);
    return /^https?:$/.test(url.protocol) && (value === url.origin || value === `${url.origin}/`)
      ? url.origin
      : undefined;
  });
}

const TOPIC = 'a topic name: segments of letters, digits and - _ . ~ : @, joined by "/", at most 255 bytes';

/** A topic name, or with `{parameters}` a pattern of names. */
export function topicPattern() {
  return scalar<string, string>(TOPIC, (value) =>
    typeof value === 'string' && isTopicPattern(value) ? value : undefined,
  );
}

/** How many ways of matching there may be: tried one by one they take a few milliseconds. */
const PATTERN_COST = 100_000;

/** A regular expression for one segment of a topic, without the anchors that it is given. */
export function segmentPattern() {
  return scalar<string, string>(
    'a regular expression (JavaScript) such as [a-z-]{1,40} that no name can make slow: no repetition within a repetition, and at most two without a bound',
    (value) => {
      if (typeof value !== 'string' || value === '') return undefined;
      try {
        new RegExp(value);
      } catch {
        return undefined;
      }
      return patternCost(value) <= PATTERN_COST ? value : undefined;
    },
  );
}
