import type { Json, JsonObject } from '../../shared/json.js';

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isScalar(value: Json | undefined): value is string | number | boolean | null {
  return typeof value !== 'object' || value === null;
}

/** What stands at a path of keys; `undefined` where nothing does. Own keys only. */
export function valueAt(value: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}

/** Paths to the scalars inside an object, at most `depth` keys long and at most `max` of them. Arrays are not entered. */
export function scalarPaths(value: Json, depth: number, max: number): string[][] {
  const paths: string[][] = [];
  function visit(at: Json, path: string[]): void {
    if (!isObject(at)) return;
    for (const [key, member] of Object.entries(at)) {
      if (paths.length >= max) return;
      if (isScalar(member)) paths.push([...path, key]);
      else if (path.length + 1 < depth) visit(member, [...path, key]);
    }
  }
  visit(value, []);
  return paths;
}
