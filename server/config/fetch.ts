import { z } from 'zod';
import type { FunctionContext } from '../source/source.js';
import { fetchUrl, fetchUrls } from './fetch-http.js';
import { redisSourceSchema } from './redis.js';
import * as scalar from './scalar.js';
import { fetchStream } from './stream.js';

/** A source in code: gets the value, or throws. Must let go of everything when `signal` aborts. The result must be JSON. */
export type FetchFunction = (context: FunctionContext) => unknown;

const fetchFile = z.strictObject({ file: scalar.text('the path of a JSON file') });
const fetchRedis = z.strictObject({ redis: redisSourceSchema });
const fetchSystem = z.strictObject({ system: z.literal(true, 'true') });
const fetchFunction = z.custom<FetchFunction>((value) => typeof value === 'function', 'a function');

/** The ways to get a value, told apart by their first key. */
export const FETCH_FORMS = {
  url: fetchUrl,
  urls: fetchUrls,
  stream: fetchStream,
  file: fetchFile,
  redis: fetchRedis,
  system: fetchSystem,
} as const;

type Form = (typeof FETCH_FORMS)[keyof typeof FETCH_FORMS];
type FetchInput = string | FetchFunction | z.input<Form>;
type FetchOutput = FetchFunction | z.output<Form>;

/** The form a `fetch` object is meant to have, by its first key; `undefined` if it has none of them. */
export function fetchFormOf(value: unknown): Form | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const key = Object.keys(FETCH_FORMS).find((candidate) => Object.hasOwn(value, candidate));
  return key === undefined ? undefined : FETCH_FORMS[key as keyof typeof FETCH_FORMS];
}

/** The `fetch` of a source, in any of its forms. */
export const fetchSchema = z.transform<FetchInput, FetchOutput>((value, context) => {
  const spelledOut = typeof value === 'string' ? { url: value } : value;
  const schema = typeof value === 'function' ? fetchFunction : fetchFormOf(spelledOut);
  if (!schema) {
    context.issues.push(noForm(value));
    return z.NEVER;
  }
  const result = schema.safeParse(spelledOut);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    // The short form has no `url` to point at.
    const path = spelledOut === value ? issue.path : [];
    context.issues.push({ ...issue, path, input: value } as z.core.$ZodRawIssue);
  }
  return z.NEVER;
});

/** What a `fetch` may be. */
export const FETCH_EXPECTED =
  'a URL, or one of { url: http://… }, { strategy: first, urls: [http://…] }, { stream: http://… }, { file: ./data.json }, { redis: { key: … } }, { system: true }, or in code a function';

function noForm(value: unknown): z.core.$ZodRawIssue {
  const keys = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const unknown = keys.filter((key) => !Object.hasOwn(fetchUrls.shape, key));
  if (unknown.length > 0)
    return { code: 'unrecognized_keys', keys: unknown, input: value as Record<string, unknown> };
  return { code: 'custom', message: FETCH_EXPECTED, input: value };
}
