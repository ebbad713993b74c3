import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Timer } from '../../server/async/clock.js';
import { manualClock } from '../../server/async/manual-clock.js';
import { createTimerWheel } from '../../server/async/timer-wheel.js';

const HOUR = 3_600_000;

describe('a timer wheel', () => {
  it('fires like a clock of its own: in order, never early, at most a tick late, and never what was cancelled', async () => {
    const delay = fc.oneof(
      fc.integer({ min: -5, max: 60 }),
      fc.integer({ min: 0, max: 6_000 }),
      fc.nat(4_000).map((quarters) => quarters / 4),
      fc.integer({ min: 0, max: 500 * HOUR }),
    );
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ set: delay, again: fc.option(delay, { nil: undefined }) }) },
      { weight: 2, arbitrary: fc.record({ cancel: fc.nat(40) }) },
      { weight: 2, arbitrary: fc.record({ advance: fc.oneof(fc.nat(30), fc.nat(5_000), fc.nat(3 * HOUR)) }) },
    );
    const steps = fc.array(step, { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(999), steps, async (tick, start, script) => {
        const clock = manualClock(start);
        const wheel = createTimerWheel(clock, { tick });
        const timers: { due: number; timer: Timer; fired: number | undefined; cancelled: boolean }[] = [];
        const order: number[] = [];

        function set(wanted: number, again?: number): void {
          const id = timers.length;
          const fire = () => {
            expect(timers[id]!.fired).toBeUndefined();
            timers[id]!.fired = clock.now();
            order.push(id);
            if (again !== undefined) set(again);
          };
          const due = clock.now() + Math.max(0, wanted);
          timers.push({ due, timer: wheel.after(wanted, fire), fired: undefined, cancelled: false });
        }

        for (const step of script) {
          if ('set' in step) set(step.set, step.again);
          else if ('advance' in step) await clock.advance(step.advance);
          else {
            const victim = timers[step.cancel];
            victim?.timer.cancel();
            if (victim && victim.fired === undefined) victim.cancelled = true;
          }
          expect(clock.pending).toBe(
            timers.some((timer) => timer.fired === undefined && !timer.cancelled) ? 1 : 0,
          );
        }
        await clock.advance(1_100 * HOUR);

        for (const { due, fired, cancelled } of timers) {
          if (cancelled) expect(fired).toBeUndefined();
          else expect(fired).toSatisfy((at: number) => at >= due && at <= due + tick);
        }
        for (const [i, id] of order.entries()) {
          const { due, fired } = timers[id]!;
          for (const other of order.slice(0, i)) {
            if (timers[other]!.fired !== fired) continue;
            const before = timers[other]!.due;
            expect(before < due || (before === due && other < id)).toBe(true);
          }
        }
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('needs one timer for 10,000, wakes no oftener than there are ticks, and none when it is empty', async () => {
    const clock = manualClock();
    let wakes = 0;
    const counted = {
      ...clock,
      after: (delay: number, fire: () => void) =>
        clock.after(delay, () => {
          wakes += 1;
          fire();
        }),
    };
    const wheel = createTimerWheel(counted);
    let fired = 0;
    for (let i = 0; i < 10_000; i++) wheel.after(i / 10, () => (fired += 1));
    expect(clock.pending).toBe(1);
    await clock.advance(1_020);
    expect(fired).toBe(10_000);
    expect(wakes).toBeLessThanOrEqual(102);
    expect(clock.pending).toBe(0);
  });

  it('goes on with the others when a callback throws', async () => {
    const clock = manualClock();
    const wheel = createTimerWheel(clock);
    const fired: string[] = [];
    wheel.after(5, () => fired.push('before'));
    wheel.after(6, () => {
      throw new Error('a defect');
    });
    wheel.after(7, () => fired.push('after'));
    await expect(clock.advance(10)).rejects.toThrow('a defect');
    await clock.advance(10);
    expect(fired).toEqual(['before', 'after']);
  });

  it('does not fire what another callback of the same tick cancels', async () => {
    const clock = manualClock();
    const wheel = createTimerWheel(clock);
    const fired: string[] = [];
    wheel.after(1, () => {
      fired.push('first');
      second.cancel();
    });
    const second = wheel.after(2, () => fired.push('second'));
    await clock.advance(50);
    expect(fired).toEqual(['first']);
    expect(clock.pending).toBe(0);
  });

  it('waits longer than a timer of the runtime can, up to a year', async () => {
    const clock = manualClock();
    const delays: number[] = [];
    const noting = {
      ...clock,
      after: (delay: number, fire: () => void) => {
        delays.push(delay);
        return clock.after(delay, fire);
      },
    };
    const wheel = createTimerWheel(noting, { tick: 1 });
    const start = clock.now();
    const fired: number[] = [];
    for (const hours of [9_000, 8_760, 720]) wheel.after(hours * HOUR, () => fired.push(clock.now() - start));
    const cancelled = wheel.after(1_000 * HOUR, () => fired.push(-1));
    await clock.advance(800 * HOUR);
    cancelled.cancel();
    await clock.advance(8_200 * HOUR);
    expect(fired).toEqual([720 * HOUR, 8_760 * HOUR, 8_760 * HOUR]);
    expect(Math.max(...delays)).toBeLessThan(2 ** 31);
    expect(clock.pending).toBe(0);
  });

  it.each([-2, 2])('keeps the delays when the time of day is set by %i hours', async (hours) => {
    const clock = manualClock(10 * HOUR);
    let set = 0;
    const wheel = createTimerWheel({ ...clock, now: () => clock.now() + set });
    const fired: [string, number][] = [];
    const note = (name: string) => () => fired.push([name, clock.elapsed()]);
    wheel.after(1_000, note('second'));
    wheel.after(HOUR, note('hour'));
    await clock.advance(500);
    set = hours * HOUR;
    wheel.after(100, note('new'));
    await clock.advance(2 * HOUR);
    expect(fired).toEqual([
      ['new', 600],
      ['second', 1_000],
      ['hour', HOUR],
    ]);
  });
});
