import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createStrikes } from '../../server/edge/strikes.js';

it('a clock that is set back makes nobody guilty of more than they did', () => {
  const clock = manualClock();
  let setBack = 0;
  const strikes = createStrikes({ ...clock, now: () => clock.now() - setBack });
  setBack = 3_600_000;
  for (let count = 1; count < 10; count++) expect(strikes.add()).toBe(false);
  expect(strikes.add()).toBe(true);
});
