import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createTokenBucket } from '../../server/edge/token-bucket.js';

it('a clock that is set back takes no tokens away, and new ones come at the same rate', async () => {
  const manual = manualClock();
  let setBack = 0;
  const bucket = createTokenBucket(10, { ...manual, now: () => manual.now() - setBack });
  expect(bucket.take()).toBe(true);
  setBack = 3_600_000;
  for (let left = 9; left > 0; left--) expect(bucket.take()).toBe(true);
  expect(bucket.take()).toBe(false);
  await manual.advance(100);
  expect(bucket.take()).toBe(true);
});

it('a token comes after a whole interval, and as many at once as a second has', async () => {
  const clock = manualClock();
  const bucket = createTokenBucket(3, clock);
  for (let left = 3; left > 0; left--) expect(bucket.take()).toBe(true);
  await clock.advance(330);
  expect(bucket.take()).toBe(false);
  await clock.advance(4);
  expect(bucket.take()).toBe(true);
  expect(bucket.take()).toBe(false);
});
