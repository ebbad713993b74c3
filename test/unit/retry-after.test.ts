import { describe, expect, it } from 'vitest';
import { retryAfterOf } from '../../server/source/http/field.js';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

describe('a Retry-After field', () => {
  it('is a number of seconds', () => {
    expect(retryAfterOf('120', NOW)).toBe(120_000);
    expect(retryAfterOf('0', NOW)).toBe(0);
  });

  it('is a date in any of the three forms of HTTP', () => {
    expect(retryAfterOf('Fri, 02 Jan 2026 03:05:05 GMT', NOW)).toBe(60_000);
    expect(retryAfterOf('Friday, 02-Jan-26 03:05:05 GMT', NOW)).toBe(60_000);
    expect(retryAfterOf('Fri Jan  2 03:05:05 2026 GMT', NOW)).toBe(60_000);
    expect(retryAfterOf('Wed, 21 Oct 2015 07:28:00 GMT', NOW)).toBe(0);
  });

  it('asks for a long time where it has many digits', () => {
    expect(retryAfterOf('99999999999999', NOW)).toBe(1e12);
    expect(retryAfterOf('9'.repeat(400), NOW)).toBe(1e12);
  });

  it('is none where it is neither, instead of a date long past', () => {
    for (const text of ['2.5', '+5', '-5', '1, 2', '0x10', 'soon', '']) {
      expect(retryAfterOf(text, NOW), text).toBeUndefined();
    }
    expect(retryAfterOf(undefined, NOW)).toBeUndefined();
  });

  it('that came twice counts as it came first', () => {
    expect(retryAfterOf(['3', '9'], NOW)).toBe(3_000);
  });
});
