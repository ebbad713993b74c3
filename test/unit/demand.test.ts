import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { Demand } from '../../server/source/demand.js';

function start(when: 'always' | 'subscribed') {
  const clock = manualClock();
  const told: string[] = [];
  const sleeper = { wake: () => void told.push('wake'), rest: () => void told.push('rest') };
  const demand = new Demand(sleeper, { when, linger: 1_000, clock });
  return { clock, demand, told };
}

it('a source that is wanted by subscribers runs from the first to a while after the last', async () => {
  const { clock, demand, told } = start('subscribed');
  expect(told).toEqual([]);
  demand.set(true);
  demand.set(false);
  await clock.advance(999);
  expect(told).toEqual(['wake']);
  await clock.advance(1);
  expect(told).toEqual(['wake', 'rest']);
});

it('a source whose subscriber comes back in time does not rest', async () => {
  const { clock, demand, told } = start('subscribed');
  demand.set(true);
  demand.set(false);
  await clock.advance(999);
  demand.set(true);
  await clock.advance(10_000);
  expect(told).not.toContain('rest');
  expect(clock.pending).toBe(0);
});

it('a source that somebody asks who does not subscribe goes on from then for as long as it lingers', async () => {
  const { clock, demand, told } = start('subscribed');
  demand.touch();
  await clock.advance(600);
  demand.touch();
  await clock.advance(999);
  expect(told).not.toContain('rest');
  await clock.advance(1);
  expect(told.at(-1)).toBe('rest');
});

it('a source that has a subscriber does not rest because somebody else asked', async () => {
  const { clock, demand, told } = start('subscribed');
  demand.touch();
  demand.set(true);
  demand.touch();
  await clock.advance(10_000);
  expect(told).not.toContain('rest');
});

it('a source that always runs wakes at once and never rests', async () => {
  const { clock, demand, told } = start('always');
  expect(told).toEqual(['wake']);
  demand.set(true);
  demand.set(false);
  demand.touch();
  await clock.advance(10_000);
  expect(told).not.toContain('rest');
});

it('a source that was closed rests for good, and no timer is left', () => {
  const { clock, demand, told } = start('subscribed');
  demand.set(true);
  demand.set(false);
  demand.close();
  demand.set(true);
  demand.touch();
  expect(told).toEqual(['wake', 'rest']);
  expect(clock.pending).toBe(0);
});
