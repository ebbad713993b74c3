import { describe, expect, it } from 'vitest';
import { sparing } from '../../server/app/sparing.js';
import { manualClock } from '../../server/async/manual-clock.js';

describe('news of which there may be thousands', () => {
  function start() {
    const clock = manualClock();
    const said: [number, { leftOut?: number }][] = [];
    return { clock, said, tell: sparing<number>(clock, (item, more) => said.push([item, more])) };
  }

  it('is passed on whole while there is little of it', async () => {
    const { clock, said, tell } = start();
    for (let i = 0; i < 10; i++) tell(i);
    await clock.advance(60_000);
    for (let i = 10; i < 20; i++) tell(i);
    expect(said).toEqual(Array.from({ length: 20 }, (_, i) => [i, {}]));
  });

  it('is then passed on once a second, with how much was left out', async () => {
    const { clock, said, tell } = start();
    for (let i = 0; i < 1_000; i++) tell(i);
    expect(said).toHaveLength(10);
    await clock.advance(1_000);
    for (let i = 1_000; i < 2_000; i++) tell(i);
    await clock.advance(1_000);
    tell(2_000);
    expect(said.slice(10)).toEqual([
      [1_000, { leftOut: 990 }],
      [2_000, { leftOut: 999 }],
    ]);
  });
});
