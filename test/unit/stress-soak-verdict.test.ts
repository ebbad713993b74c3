import { describe, expect, it } from 'vitest';
import { judgeSoak } from '../../loadtest/stress/soak-verdict.js';
import { trendOf } from '../../loadtest/stress/trend.js';

const MB = 1024 * 1024;
/** Up and down, always the same: what a heap that is flat does. */
const wave = (n: number) => Math.sin(n * 2.4);

function samplesOf(growth: { reachable: number; resident: number }) {
  return Array.from({ length: 40 }, (_, n) => ({
    minutes: n / 4,
    reachable: (30 + (growth.reachable * n) / 4 + 0.2 * wave(n)) * MB,
    resident: (140 + (growth.resident * n) / 4 + wave(n)) * MB,
  }));
}

describe('the verdict of a soak', () => {
  it('is flat where memory goes up and down', () => {
    const { passed, text } = judgeSoak(samplesOf({ reachable: 0, resident: 0 }));
    expect(passed).toBe(true);
    expect(text).toMatch(/^flat/);
  });

  it.each([
    { kind: 'what is reachable', reachable: 0.15, resident: 0 },
    { kind: 'native memory', reachable: 0, resident: 1 },
  ])('is not flat where $kind surely grows, if by less than fails', (growth) => {
    const { passed, text } = judgeSoak(samplesOf(growth));
    expect(passed).toBe(true);
    expect(text).toMatch(/^creeps/);
  });

  it('is growth where what is reachable grows, however little of it the kernel sees', () => {
    const { passed, text } = judgeSoak(samplesOf({ reachable: 0.5, resident: 0 }));
    expect(passed).toBe(false);
    expect(text).toMatch(/^GROWS {2}reachable \+0\.5/);
  });

  it('is growth where native memory grows beside a flat heap', () => {
    expect(judgeSoak(samplesOf({ reachable: 0, resident: 4 })).text).toMatch(/^GROWS/);
  });

  it('is not given away to a run that is too short to tell', () => {
    expect(judgeSoak(samplesOf({ reachable: 0, resident: 0 }).slice(0, 3))).toMatchObject({ passed: false });
  });
});

describe('a trend', () => {
  it('has the slope of a line, without a margin', () => {
    const { slope, margin } = trendOf([0, 1, 2, 3].map((x) => ({ x, y: 5 + 2 * x })));
    expect(slope).toBeCloseTo(2);
    expect(margin).toBeCloseTo(0);
  });

  it('has a wider margin where points resemble the ones before them', () => {
    const points = (run: number) =>
      Array.from({ length: 48 }, (_, x) => ({ x, y: Math.floor(x / run) % 2 === 0 ? 1 : -1 }));
    const [far, near] = [points(1), points(6)];
    expect(trendOf(near).margin).toBeGreaterThan(trendOf(far).margin);
  });
});
