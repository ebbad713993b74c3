import jsonata from 'jsonata';
import { z } from 'zod';
import type { Json } from '../../shared/json.js';
import { parsePartPointer } from '../../shared/pointer.js';
import * as scalar from './scalar.js';

/** What is sent besides headers. */
export const asking = {
  /** Default: POST where there is a body, GET where there is none. */
  method: scalar.oneOf('GET', 'POST').optional(),
  /** Text is sent as it is, anything else as JSON. */
  body: scalar.json().optional(),
  /** A GraphQL operation, sent as a POST; the value is the `data` of the answer. */
  graphql: z
    .strictObject({
      query: scalar.text('a GraphQL query'),
      variables: z.record(z.string(), scalar.json()).optional(),
    })
    .optional(),
};

/** What is kept of an answer, and in which form. */
export const shaping = {
  /** A JSON pointer or a JSONata expression. */
  select: z.transform<string, string>(readSelection).optional(),
  /** Turns a list of records into an object keyed by a field of theirs: a name, or a JSON pointer. */
  array: z.strictObject({ key: scalar.field() }).optional(),
};

interface Asking {
  method?: 'GET' | 'POST' | undefined;
  body?: Json | undefined;
  graphql?: unknown;
}

/** What cannot go together in one request. */
export function requestIssues({ method, body, graphql }: Asking): z.core.$ZodRawIssue[] {
  const issues: z.core.$ZodRawIssue[] = [];
  const refuse = (path: string, message: string, input: unknown) =>
    issues.push({ code: 'custom', message, path: [path], input });
  if (graphql !== undefined && body !== undefined) refuse('body', 'none: graphql makes the body', body);
  if (method === 'GET' && (graphql ?? body) !== undefined) {
    refuse('method', 'POST, since there is something to send', method);
  }
  return issues;
}

function readSelection(value: string, context: z.core.$RefinementCtx): string {
  const problem = problemOf(value);
  if (problem === undefined) return value;
  context.issues.push({ code: 'custom', message: problem, input: value });
  return z.NEVER;
}

function problemOf(value: unknown): string | undefined {
  const expected = 'a JSON pointer such as /rates, or a JSONata expression';
  if (typeof value !== 'string' || value.trim() === '') return expected;
  if (/^#?\//.test(value)) return parsePartPointer(value) ? undefined : 'a JSON pointer such as /rates';
  try {
    jsonata(value);
    return undefined;
  } catch (error) {
    const { message, position } = error as { message: string; position?: number };
    const place = position === undefined ? '' : ` at character ${position}`;
    return `${expected}: ${message.replace(/\s+/g, ' ')}${place}`;
  }
}
