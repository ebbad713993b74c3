import { describe, expect, it } from 'vitest';
import { batchOnManualClock } from '../support/batch.js';

const symbols = (count: number) => Array.from({ length: count }, (_, i) => `S${i}`);

describe('ten thousand instances', () => {
  it('are a hundred requests an interval, evenly spread', async () => {
    const { clock, join, taken, batch } = batchOnManualClock();
    for (const symbol of symbols(10_000)) join(symbol);
    await clock.advance(5);
    expect(taken()).toHaveLength(100);
    await clock.advance(1_000);
    taken();
    for (let interval = 0; interval < 3; interval++) {
      await clock.advance(1_000);
      const requests = taken();
      expect(requests).toHaveLength(100);
      expect(new Set(requests.flatMap(({ names }) => names)).size).toBe(10_000);
      const gaps = requests.slice(1).map(({ at }, i) => at - requests[i]!.at);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1_000 / 64);
    }
    await batch.close();
  });
});
