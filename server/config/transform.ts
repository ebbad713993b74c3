import { z } from 'zod';
import type { Transform } from '../source/source.js';
import * as scalar from './scalar.js';

/** A transform in a module, and where it runs. */
export const transformModuleSchema = z.strictObject({
  module: scalar.text('the path of a module'),
  /** `inline`: on the event loop of the server; `thread`, `process`: where it can neither hold up nor end it. */
  run: scalar.oneOf('inline', 'thread', 'process').default('inline'),
  export: scalar.text('the name of an export').default('default'),
  /** For one value, in ms. */
  timeout: scalar.duration(1).default(5_000),
});

type TransformInput = Transform | z.input<typeof transformModuleSchema>;
type TransformOutput = Transform | z.output<typeof transformModuleSchema>;

/** The `transform` of a source: a module, or in code a function. */
export const transformSchema = z.transform<TransformInput, TransformOutput>((value, context) => {
  if (typeof value === 'function') return value;
  if (typeof value !== 'object' || value === null) {
    const message = '{ module: ./board.js, run: thread }, or in code a function';
    context.issues.push({ code: 'custom', message, input: value });
    return z.NEVER;
  }
  const result = transformModuleSchema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  }
  return z.NEVER;
});
