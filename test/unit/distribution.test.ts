import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDistribution, record } from '../../server/async/distribution.js';

describe('a distribution', () => {
  it('counts a value on a bound below it, and what is above all bounds apart', () => {
    const distribution = createDistribution([1, 10]);
    for (const value of [0, 1, 1.5, 10, 11]) record(distribution, value);
    expect(distribution.counts).toEqual([2, 2, 1]);
    expect(distribution.sum).toBe(23.5);
  });

  it('counts every value once, in the first bucket that holds it', () => {
    const bounds = [0.05, 0.1, 1, 10, 100];
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 200, noNaN: true })), (values) => {
        const distribution = createDistribution(bounds);
        for (const value of values) record(distribution, value);
        const belowOf = (bound: number) => values.filter((value) => value <= bound).length;
        let cumulative = 0;
        for (const [index, bound] of bounds.entries()) {
          cumulative += distribution.counts[index]!;
          expect(cumulative).toBe(belowOf(bound));
        }
        expect(cumulative + distribution.counts.at(-1)!).toBe(values.length);
      }),
    );
  });
});
