import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, MAX_DURATION_MS, parseDuration } from '../../server/config/duration.js';

const ms = () => fc.integer({ min: 0, max: MAX_DURATION_MS });

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['1s', 1000],
    ['1.5s', 1500],
    ['0.07s', 70],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['0', 0],
    ['0s', 0],
    ['8760h', MAX_DURATION_MS],
    ['31536000000ms', MAX_DURATION_MS],
  ])('reads %s as %i milliseconds', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    '',
    '1',
    '-1s',
    '+1s',
    '1 s',
    '1S',
    '1d',
    's',
    '1.s',
    '.5s',
    '1e3ms',
    '0.5ms',
    '1s1ms',
    '31536000001ms',
    '8761h',
    'Infinityms',
  ])('refuses "%s"', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(ms(), (value) => {
        expect(parseDuration(formatDuration(value))).toBe(value);
      }),
    );
  });

  it('reads every number of milliseconds the same, whether it is written in ms or in seconds', () => {
    fc.assert(
      fc.property(ms(), (value) => {
        expect(parseDuration(`${(value / 1000).toFixed(3)}s`)).toBe(value);
      }),
    );
  });

  it('gives a whole number within bounds or nothing, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.\de]{0,12}(ms|s|m|h)?$/)), (text) => {
        const value = parseDuration(text);
        if (value !== undefined)
          expect(value).toSatisfy((n: number) => Number.isInteger(n) && n >= 0 && n <= MAX_DURATION_MS);
      }),
    );
  });
});
