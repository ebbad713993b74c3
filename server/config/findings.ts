import type { z } from 'zod';
import { formatDuration } from './duration.js';
import { isLater } from './later.js';
import { nearest } from './nearest.js';
import { type ConfigPath, type ConfigProblem, formatPath } from './problem.js';
import { isSecret, withoutUserinfo } from './redact.js';
import { isDuration } from './scalar.js';
import { keysAt, SETTINGS, schemaAt } from './schema-walk.js';

/** What is known about where the values of a configuration came from, for its error messages. */
export interface Provenance {
  /** What stood there, as it was written: with `${VARIABLES}` in it, never with their values. */
  written(path: ConfigPath): unknown;
  /** The line in the file, or the variable or flag that set it. */
  place(path: ConfigPath): Pick<ConfigProblem, 'line' | 'column' | 'setBy'>;
  /** Numbers may stand for milliseconds: true in code, false in a text file, where `every: 5` surely means something else. */
  readonly bareMilliseconds: boolean;
}

/** Something wrong, and where. */
export interface Finding {
  readonly path: ConfigPath;
  readonly message: string;
}

/** Says what an issue of the schema means to a person; one about three unknown keys becomes three findings. */
export function findingsOf(issue: z.core.$ZodIssue, provenance: Provenance, input: unknown): Finding[] {
  const path = issue.path as ConfigPath;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(path, key, input) }));
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'another key';
    return [{ path, message: `found the key ${JSON.stringify(path.at(-1))}, expected ${expected}` }];
  }
  const found = provenance.written(path);
  const expected = issue.code === 'invalid_type' ? typeName(issue.expected) : issue.message;
  const words: readonly string[] = issue.code === 'custom' ? (issue.params?.words ?? []) : [];
  const meant = typeof found === 'string' ? nearest(found, words) : undefined;
  return [{ path, message: `found ${show(found, path)}, expected ${expected}${didYouMean(meant)}` }];
}

/** What the schema lets pass but a reader would not: a duration without its unit, a key it does not see. */
export function beyondTheSchema(input: unknown, { bareMilliseconds }: Provenance): Finding[] {
  function visit(value: unknown, path: ConfigPath): Finding[] {
    if (typeof value === 'number' && !bareMilliseconds && value > 0 && isDuration(schemaAt(path, input))) {
      const meant = `${formatDuration(value)} or ${formatDuration(value * 1000)}`;
      return [{ path, message: `found ${value}, expected a duration with its unit, ${meant}` }];
    }
    if (typeof value !== 'object' || value === null) return [];
    // zod passes over this one key without a word.
    const unseen = Object.hasOwn(value, '__proto__')
      ? [{ path: [...path, '__proto__'], message: unknownKey(path, '__proto__', input) }]
      : [];
    const entries: [string | number, unknown][] = Array.isArray(value)
      ? [...value.entries()]
      : Object.entries(value).filter(([key]) => key !== '__proto__');
    return [...unseen, ...entries.flatMap(([key, item]) => visit(item, [...path, key]))];
  }
  return visit(input, []);
}

function unknownKey(parent: ConfigPath, key: string, input: unknown): string {
  if (isLater(formatPath(parent), key)) return 'not available in this version of Headwater';
  const known = keysAt(parent, input);
  const expected = known.length === 0 ? 'no such key' : `one of ${known.join(', ')}`;
  return `found the unknown key ${JSON.stringify(key)}, expected ${expected}${didYouMean(nearest(key, known) ?? elsewhere(key))}`;
}

/** A key that is right but stands in the wrong object: `port` for `http.port`. */
function elsewhere(key: string): string | undefined {
  if (key === 'budget' || key === 'concurrency') return `hosts.<host>.${key}`;
  const setting = SETTINGS.find(({ path }) => path.at(-1) === key);
  return setting && formatPath(setting.path);
}

function didYouMean(name: string | undefined): string {
  return name === undefined ? '' : `; did you mean "${name}"?`;
}

function typeName(type: string): string {
  const names: Readonly<Record<string, string>> = {
    object: 'an object',
    record: 'an object',
    array: 'a list',
  };
  return names[type] ?? `a ${type}`;
}

const SHOWN_LENGTH = 80;

function show(value: unknown, path: ConfigPath): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (isSecret(formatPath(path))) return 'a value that is kept secret';
  if (typeof value !== 'string') return String(value);
  const text = withoutUserinfo(value);
  return JSON.stringify(text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text);
}
