import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRetry } from '../../shared/client/backoff.js';

describe('waits between attempts to connect', () => {
  test('have bounds that double up to the maximum', () => {
    const retry = createRetry({ base: 100, max: 1_000 }, () => 1);
    expect(Array.from({ length: 6 }, () => retry.next())).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  test('are spread over the whole range (full jitter)', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2_000), (random, attempts) => {
        const retry = createRetry({ base: 100, max: 1_000 }, () => random);
        for (let attempt = 0; attempt < attempts; attempt++) retry.next();
        expect(retry.next()).toBe(random * Math.min(1_000, 100 * 2 ** Math.min(attempts, 30)));
      }),
    );
  });

  test('are what the server asked for, once', () => {
    const retry = createRetry({ base: 100, max: 1_000 }, () => 1);
    retry.asked(1_800);
    expect([retry.next(), retry.next()]).toEqual([1_800, 200]);
  });

  test('take an absurd wish for a mistake', () => {
    const retry = createRetry({ base: 100, max: 1_000 }, () => 1);
    retry.asked(1e12);
    expect(retry.next()).toBe(600_000);
    retry.asked(-5);
    expect(retry.next()).toBe(0);
  });
});
