import { describe, expect, it } from 'vitest';
import { DEMO_CONFIG } from '../../server/config/demo.js';
import { sunPosition } from '../../server/config/demo-sun.js';
import { parseConfig } from '../../server/config/parse.js';

describe('the demo', () => {
  it('is a valid configuration', () => {
    expect(parseConfig(DEMO_CONFIG).sources.map(({ topic }) => topic)).toEqual([
      'system/vitals',
      'earth/sun',
    ]);
  });

  // Instants published by the US Naval Observatory, to the minute.
  it.each([
    ['March equinox', '2024-03-20T03:06Z', 0],
    ['June solstice', '2024-06-20T20:51Z', 23.44],
    ['September equinox', '2024-09-22T12:44Z', 0],
    ['December solstice', '2024-12-21T09:20Z', -23.44],
  ])('has the Sun over the right latitude at the %s', (_, time, latitude) => {
    expect(Math.abs(sunPosition(Date.parse(time)).latitude - latitude)).toBeLessThan(0.02);
  });

  it('has the Sun go around westwards once a day, near Greenwich at noon', () => {
    const noon = Date.parse('2024-04-15T12:00Z');
    expect(Math.abs(sunPosition(noon).longitude)).toBeLessThan(0.5);
    expect(sunPosition(noon + 6 * 3_600_000).longitude).toBeCloseTo(-90, 0);
  });

  it('has the Sun nearest in January and farthest in July', () => {
    const january = sunPosition(Date.parse('2024-01-03T00:38Z')).distance;
    const july = sunPosition(Date.parse('2024-07-05T05:06Z')).distance;
    expect(january / 1e6).toBeCloseTo(147.1, 1);
    expect(july / 1e6).toBeCloseTo(152.1, 1);
  });
});
