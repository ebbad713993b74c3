import type { Json, JsonObject } from '../../shared/json.js';
import { isObject, isScalar, scalarPaths, valueAt } from './json-path.js';

/** An array of like objects inside a value, and which of their fields say most. */
export interface Records {
  /** Where the array stands; empty for the value itself. */
  readonly path: readonly string[];
  readonly rows: readonly Json[];
}

const LOOK_AT = 20;
/** Longer texts are no cells of a table: descriptions, URLs with queries. */
const MAX_MEAN_LENGTH = 48;

/** The longest array of objects at most two keys deep, or nothing. */
export function findRecords(value: Json): Records | undefined {
  let best: Records | undefined;
  function visit(at: Json, path: string[]): void {
    if (Array.isArray(at)) {
      const sample = at.slice(0, LOOK_AT);
      const objects = sample.filter(isObject).length;
      if (at.length > 0 && objects === sample.length && at.length > (best?.rows.length ?? 0)) {
        best = { path, rows: at };
      }
    } else if (isObject(at) && path.length < 2) {
      for (const [key, member] of Object.entries(at)) if (!isScalar(member)) visit(member, [...path, key]);
    }
  }
  visit(value, []);
  return best;
}

/** Paths of the fields to show as columns: those that differ between records, without long texts and links. */
export function chooseColumns(rows: readonly Json[], max: number): string[][] {
  const sample = rows.slice(0, LOOK_AT).filter(isObject);
  const seen = new Map<string, string[]>();
  for (const record of sample) {
    for (const path of scalarPaths(record, 2, 60)) seen.set(JSON.stringify(path), path);
  }
  const all = [...seen.values()];
  const telling = all.filter((path) => isTelling(sample, path));
  return (telling.length > 0 ? telling : all).slice(0, max);
}

function isTelling(sample: readonly JsonObject[], path: readonly string[]): boolean {
  const texts = sample
    .map((record) => valueAt(record, path))
    .filter((cell) => cell !== undefined && cell !== null)
    .map(String);
  if (texts.length < sample.length / 2 || texts.some((text) => /^https?:/.test(text))) return false;
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  return length <= MAX_MEAN_LENGTH * texts.length && (sample.length < 3 || new Set(texts).size > 1);
}
