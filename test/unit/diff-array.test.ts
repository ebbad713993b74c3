import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignMiddle, type Run } from '../../server/store/diff-array.js';
import type { Json } from '../../shared/json.js';

const align = (from: readonly Json[], to: readonly Json[]) =>
  alignMiddle(from, to, { start: 0, fromEnd: from.length, toEnd: to.length });

/** By the definition: the best of all ascending sequences that end at each element. */
function longestAscendingLength(list: readonly number[]): number {
  const best: number[] = [];
  list.forEach((value, i) => {
    best[i] = 1 + Math.max(0, ...list.slice(0, i).map((before, k) => (before < value ? best[k]! : 0)));
  });
  return Math.max(0, ...best);
}

function expectAscending(runs: readonly Run[], from: readonly Json[], to: readonly Json[]): void {
  let i = 0;
  let j = 0;
  for (const run of runs) {
    expect(run.length).toBeGreaterThan(0);
    expect(run.from).toBeGreaterThanOrEqual(i);
    expect(run.to).toBeGreaterThanOrEqual(j);
    i = run.from + run.length;
    j = run.to + run.length;
  }
  expect(i).toBeLessThanOrEqual(from.length);
  expect(j).toBeLessThanOrEqual(to.length);
}

describe('alignMiddle', () => {
  it('keeps as many records in place as any order allows', () => {
    const order = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(order, fc.boolean(), (numbers, asRecords) => {
        const make = (n: number): Json => (asRecords ? { id: n } : n);
        const sorted = numbers.toSorted((a, b) => a - b);
        const from = sorted.map(make);
        const to = numbers.map(make);
        const runs = align(from, to);
        expectAscending(runs, from, to);
        const inPlace = numbers.filter((n, i) => n === sorted[i]).length;
        // Mostly in place counts as scattered changes, unless ids say that they are other records.
        if (!asRecords && inPlace * 2 >= numbers.length) return;
        let kept = 0;
        for (const run of runs) {
          for (let k = 0; k < run.length; k++) expect(from[run.from + k]).toEqual(to[run.to + k]);
          kept += run.length;
        }
        expect(kept).toBe(longestAscendingLength(numbers));
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives ascending runs within bounds for any two arrays', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.array(fc.jsonValue()), (from, to) => {
        expectAscending(align(from as Json[], to as Json[]), from as Json[], to as Json[]);
      }),
    );
  });

  it('knows a record by its id although all else of it changed', () => {
    const from = [
      { id: 'a', v: 1 },
      { id: 'b', v: 1 },
      { id: 'c', v: 1 },
    ];
    const to = [
      { id: 'c', v: 2 },
      { id: 'x', v: 2 },
      { id: 'a', v: 2 },
      { id: 'b', v: 2 },
    ];
    expect(align(from, to)).toEqual([{ from: 0, to: 2, length: 2 }]);
  });
});
