import { z } from 'zod';
import { FETCH_FORMS, fetchFormOf, fetchSchema } from './fetch.js';
import { type ConfigPath, valueAt } from './problem.js';
import { configSchema } from './schema.js';
import { transformModuleSchema, transformSchema } from './transform.js';

/** The schema that governs a place in `input`, free of its default; `undefined` where there is none. */
export function schemaAt(path: ConfigPath, input: unknown): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = configSchema;
  for (const [depth, step] of path.entries()) {
    schema = child(schema, step);
    // Which form a `fetch` has depends on what is written there.
    if (schema === fetchSchema) {
      schema = fetchFormOf(valueAt(input, path.slice(0, depth + 1))) ?? schema;
    }
    if (schema === transformSchema) schema = transformModuleSchema;
    if (schema === undefined) return undefined;
  }
  return schema;
}

/** The keys that may stand in the object at a path. */
export function keysAt(path: ConfigPath, input: unknown): string[] {
  const schema = schemaAt(path, input);
  if (schema === fetchSchema) return Object.keys(FETCH_FORMS);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** A value outside all lists, which an environment variable can set. */
export interface Setting {
  readonly path: readonly string[];
  /** A list of strings rather than one value. */
  readonly list: boolean;
}

/** Every value of the configuration that is not inside a list. */
export const SETTINGS: readonly Setting[] = settingsOf(configSchema, []);

function settingsOf(schema: z.core.$ZodType, path: readonly string[]): Setting[] {
  const inner = withoutDefault(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, value]) => settingsOf(value, [...path, key]));
  }
  // The names in it are the user's own.
  if (inner instanceof z.ZodRecord) return [];
  if (inner instanceof z.ZodArray) {
    return withoutDefault(inner.element) instanceof z.ZodObject ? [] : [{ path, list: true }];
  }
  return [{ path, list: false }];
}

function child(schema: z.core.$ZodType | undefined, step: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return withoutDefault(schema.element);
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (!(schema instanceof z.ZodObject)) return undefined;
  const shape: Record<string, z.core.$ZodType> = schema.shape;
  return Object.hasOwn(shape, step) ? withoutDefault(shape[step]!) : undefined;
}

function withoutDefault(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return withoutDefault(schema.unwrap());
  }
  return schema;
}
