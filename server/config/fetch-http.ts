import { z } from 'zod';
import { asking, requestIssues, shaping } from './request.js';
import * as scalar from './scalar.js';

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

export const headers = z
  .record(z.string().regex(HEADER_NAME, 'a header name (RFC 9110)'), scalar.headerValue())
  .default({});

/** What goes for each request, and for each answer. */
export const exchange = {
  /** For the whole answer, in ms. */
  timeout: scalar.duration(1).default(10_000),
  headers,
  /** How often a request is sent again that failed in a way that may pass; default 1, or 0 where another URL can step in. */
  retries: scalar.integer(0, 10).optional(),
  /** A larger body is refused. */
  maxBytes: scalar.bytes(1).default(16 * 1024 * 1024),
  ...asking,
  ...shaping,
  /** What makes an answer good: a JSON pointer at which there must be something, or in code a function. */
  accept: scalar.pointerOrFunction().optional(),
  /** The JSON pointer by which an answer is newer: an older one never replaces what the topic holds. */
  newer: scalar.pointer().optional(),
};

/** One URL. */
export const fetchUrl = z
  .strictObject({
    url: scalar.httpUrl(),
    ...exchange,
    strategy: scalar.oneOf('single').optional(),
  })
  .check(({ value, issues }) => {
    if (issues.length === 0) issues.push(...requestIssues(value));
  });

type Urls = string[] | Record<string, string>;

const urlList = z.array(scalar.httpUrl()).min(1, 'one URL or more');
const urlsByName = z
  .record(z.string(), scalar.httpUrl())
  .refine((urls) => Object.keys(urls).length > 0, 'one URL or more');

const urls = z.transform<Urls, Urls>((value, context) => {
  if (typeof value !== 'object' || value === null) {
    context.issues.push({ code: 'custom', message: 'a list of URLs, or an object of them', input: value });
    return z.NEVER;
  }
  const result = (Array.isArray(value) ? urlList : urlsByName).safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues)
    context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return z.NEVER;
});

/** Several URLs, and how their answers make one value. */
export const fetchUrls = z
  .strictObject({
    urls,
    strategy: scalar.oneOf('all', 'first', 'fallback', 'quorum'),
    ...exchange,
    /** For `first`: how long one is waited for before the next one is asked too. Absent: all are asked at once. */
    hedge: scalar.durationOr(1, 'p95').optional(),
    /** For `quorum`: how many answers must agree. */
    need: scalar.integer(1, 1_000).optional(),
    /** For `quorum`: what they need not agree on. */
    ignore: z.array(scalar.pointer()).optional(),
  })
  .check(({ value, issues }) => {
    if (issues.length > 0) return;
    issues.push(...requestIssues(value));
    const { strategy, hedge, need, ignore } = value;
    const size = Object.keys(value.urls).length;
    const refuse = (path: string, message: string, input?: unknown) =>
      issues.push({ code: 'custom', message, path: [path], input });
    if (strategy !== 'first' && hedge !== undefined)
      refuse('hedge', 'none: it belongs to the strategy first');
    if (strategy !== 'quorum') {
      if (need !== undefined) refuse('need', 'none: it belongs to the strategy quorum');
      if (ignore !== undefined) refuse('ignore', 'none: it belongs to the strategy quorum');
    } else if (need === undefined || need > size) {
      refuse('need', `how many of the URLs must agree, from 1 to ${size}`);
    }
    if (strategy !== 'all' && !Array.isArray(value.urls)) {
      refuse('urls', 'a list: only the strategy all takes names');
    }
  });
