import { describe, expect, it } from 'vitest';
import { sparing } from '../../server/app/sparing.js';
import { startDeadline } from '../../server/source/deadline.js';
import { createGate } from '../../server/source/host/gate.js';
import { startRefresher } from '../../server/source/refresher.js';
import type { Fetched, Source } from '../../server/source/source.js';
import { createMember } from '../../server/source/strategy/member.js';
import { batchOnManualClock } from '../support/batch.js';
import { settableClock } from '../support/settable-clock.js';

const HOUR = 3_600_000;

describe('a time of day that is set back an hour', () => {
  function refreshed(when: 'always' | 'subscribed') {
    const clock = settableClock();
    const started: number[] = [];
    const open: ((fetched: Fetched) => void)[] = [];
    const refresher = startRefresher({
      source: {
        label: 'a source',
        fetch: ({ signal }) =>
          new Promise((resolve, reject) => {
            started.push(clock.elapsed());
            open.push(resolve);
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          }),
      },
      topic: { latest: undefined, set() {}, checked() {}, fail() {} },
      every: 1_000,
      linger: 0,
      when,
      clock,
      random: () => 0.5,
    });
    const answer = () => open.shift()!({ kind: 'value', value: 1 });
    return { clock, started, answer, refresher };
  }

  it('during a fetch does not put off the next', async () => {
    const { clock, started, answer, refresher } = refreshed('always');
    await clock.advance(400);
    clock.setBack(HOUR);
    answer();
    await clock.advance(600);
    expect(started).toEqual([0, 1_000]);
    await refresher.close();
  });

  it('while nobody looks does not make what was fetched before look new', async () => {
    const { clock, started, answer, refresher } = refreshed('subscribed');
    refresher.setDemand(true);
    await clock.runUntilIdle();
    answer();
    refresher.setDemand(false);
    await clock.advance(5_000);
    clock.setBack(HOUR);
    const read = refresher.freshen();
    await clock.runUntilIdle();
    expect(started).toEqual([0, 5_000]);
    answer();
    await read;
    await clock.advance(5_000);
    refresher.setDemand(true);
    await clock.runUntilIdle();
    expect(started).toEqual([0, 5_000, 10_000]);
    await refresher.close();
  });

  it('during the request of a batch does not put off the next', async () => {
    const clock = settableClock();
    const { join, taken, upstream, batch } = batchOnManualClock({ clock });
    join('A');
    await clock.advance(1_500);
    let answer = (): void => {};
    upstream.answer = () => new Promise((resolve) => (answer = () => resolve([{ symbol: 'A', price: 2 }])));
    await clock.advance(1_000);
    taken();
    clock.setBack(HOUR);
    answer();
    await clock.advance(1_000);
    expect(taken()).toHaveLength(1);
    answer();
    await clock.runUntilIdle();
    await batch.close();
  });

  it('uses up no budget of a host, lengthens no pause and keeps no circuit open', async () => {
    const clock = settableClock();
    const gate = createGate({
      name: 'api.example',
      concurrency: 4,
      quotas: [{ text: '1/s', count: 1, per: 1_000 }],
      clock,
    });
    expect(gate.tryEnter()).toBe('regular');
    gate.pause(500);
    for (let i = 0; i < 5; i++) gate.leave('regular', 'sick');
    expect(gate.circuit).toBe('open');
    clock.setBack(HOUR);
    await clock.advance(60_000);
    expect([gate.paused, gate.circuit]).toEqual([0, 'half-open']);
    expect(gate.tryEnter()).toBe('probe');
  });

  it('gives no work more time than it has', async () => {
    const clock = settableClock();
    const owner = new AbortController().signal;
    const deadline = startDeadline({ label: 'work', timeout: 2_000, owner, clock });
    await clock.advance(1_000);
    clock.setBack(HOUR);
    expect(deadline.left).toBe(1_000);
    deadline.hold();
    clock.setBack(HOUR);
    deadline.go();
    expect(deadline.patience).toBe(2_000);
    await clock.advance(1_000);
    expect(deadline.expired).toBe(true);
  });

  it('makes no URL of a strategy look faster than it is', async () => {
    const clock = settableClock();
    const source: Source = {
      label: 'a source',
      fetch: async () => {
        await clock.advance(100);
        clock.setBack(HOUR);
        return { kind: 'value', value: 1 };
      },
    };
    const member = createMember('0', source, { judge() {}, clock });
    for (let i = 0; i < 10; i++) await member.ask(new AbortController().signal);
    expect(member.latencies.p95()).toBe(100);
  });

  it('keeps no news back', async () => {
    const clock = settableClock();
    const said: number[] = [];
    const tell = sparing<number>(clock, (item) => said.push(item));
    for (let i = 0; i < 11; i++) tell(i);
    clock.setBack(HOUR);
    await clock.advance(1_000);
    tell(11);
    expect(said).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
  });
});
