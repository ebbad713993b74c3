import { nearest } from './nearest.js';
import type { ConfigPath } from './problem.js';
import { SETTINGS } from './schema-walk.js';
import type { Environment } from './variables.js';

/** A value that takes the place of the file's, and the variable or flag that said so. */
export interface Override {
  readonly path: ConfigPath;
  readonly value: unknown;
  readonly setBy: string;
}

const PREFIX = 'HEADWATER_';

const BY_NAME = new Map(SETTINGS.map((setting) => [variableName(setting.path), setting]));

/**
 * What the environment sets: `http.port` is `HEADWATER_HTTP_PORT`, `limits.outboxBytes` is
 * `HEADWATER_LIMITS_OUTBOX_BYTES`, and a list is written with commas. A `HEADWATER_` name that sets nothing
 * gives a warning and no error, because platforms add their own (a Kubernetes service called `headwater`
 * puts `HEADWATER_PORT` and `HEADWATER_SERVICE_HOST` into every container).
 */
export function readEnvironment(environment: Environment): { overrides: Override[]; unknown: string[] } {
  const overrides: Override[] = [];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || value === undefined) continue;
    const setting = BY_NAME.get(name);
    if (!setting) unknown.push(name);
    else overrides.push({ path: setting.path, value: setting.list ? split(value) : value, setBy: name });
  }
  return { overrides, unknown };
}

/** The warning about a variable that sets nothing. */
export function describeUnknownVariable(name: string): string {
  // Without the prefix, which they all share, so that it does not make them look alike.
  const known = [...BY_NAME.keys()].map((candidate) => candidate.slice(PREFIX.length));
  const meant = nearest(name.slice(PREFIX.length), known);
  return `the environment variable ${name} sets nothing${meant ? `; did you mean ${PREFIX}${meant}?` : ''}`;
}

/** A copy of `input` with one value put in, and the objects it needs on the way. */
export function withOverride(input: unknown, { path, value }: Override): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  // What is there but is no object has a problem of its own, which must stay visible.
  if (input !== undefined && input !== null && (typeof input !== 'object' || Array.isArray(input)))
    return input;
  const object = (input ?? {}) as Record<string, unknown>;
  return { ...object, [step]: withOverride(object[step], { path: rest, value, setBy: '' }) };
}

function variableName(path: readonly string[]): string {
  return PREFIX + path.map((step) => step.replace(/([A-Z])/g, '_$1').toUpperCase()).join('_');
}

function split(list: string): string[] {
  return list === '' ? [] : list.split(',').map((item) => item.trim());
}
