import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { functionSource } from '../../server/source/function.js';
import { startRefresher } from '../../server/source/refresher.js';
import { createStore } from '../../server/store/store.js';

const PLACE = { topic: 't', parameters: {} };
const START = 1_000_000;

describe('a manual clock', () => {
  it('fires one timer a step, in order of time and then of setting, each at its own time', async () => {
    const clock = manualClock(START);
    const fired: string[] = [];
    const note = (name: string) => () => void fired.push(`${name} at ${clock.now() - START}`);
    clock.after(20, note('late'));
    clock.after(10, note('first'));
    clock.after(10, note('second'));
    clock.after(5, note('cancelled')).cancel();
    expect(await clock.step()).toBe(true);
    expect(fired).toEqual(['first at 10']);
    expect(await clock.step()).toBe(true);
    expect(await clock.step()).toBe(true);
    expect(fired).toEqual(['first at 10', 'second at 10', 'late at 20']);
    expect(await clock.step()).toBe(false);
    expect(clock.now()).toBe(START + 20);
  });

  it('gives a step one turn: what the timer set in motion by promises has happened, the next timer has not', async () => {
    const clock = manualClock();
    const seen: string[] = [];
    clock.after(10, () => void Promise.resolve().then(() => clock.after(0, () => void seen.push('second'))));
    await clock.step();
    expect(clock.pending).toBe(1);
    expect(seen).toEqual([]);
    await clock.step();
    expect(seen).toEqual(['second']);
  });

  it('runs until idle through all that is due now, and what that makes due, without moving time', async () => {
    const clock = manualClock(START);
    const seen: number[] = [];
    const again = (left: number) => () => {
      seen.push(left);
      if (left > 0) setImmediate(() => clock.after(0, again(left - 1)));
    };
    clock.after(0, again(3));
    clock.after(1, () => void seen.push(-1));
    await clock.runUntilIdle();
    expect(seen).toEqual([3, 2, 1, 0]);
    expect(clock.now()).toBe(START);
    expect(clock.pending).toBe(1);
  });

  it('walks a source through refresh, failure, backoff and recovery, one turn at a time', async () => {
    const clock = manualClock(START);
    const store = createStore({ clock });
    store.declare({ topic: 'a', kind: 'state', history: { count: 8, bytes: 8_192 }, served: true });
    const told: string[] = [];
    store.onFlush((flushes) => {
      for (const { topic } of flushes) {
        const { stale } = topic.freshness;
        told.push(`${clock.now() - START}: version ${topic.version}, ${stale ? 'stale' : 'fresh'}`);
      }
    });
    let answer = () => 1;
    const fetched: number[] = [];
    const refresher = startRefresher({
      source: functionSource(() => {
        fetched.push(clock.now() - START);
        return answer();
      }, PLACE),
      topic: store.writer('a')!,
      every: 1_000,
      timeout: 500,
      when: 'always',
      clock,
      random: () => 0.5,
    });

    // The first fetch begins by itself; when it is over, only the next one waits.
    await clock.runUntilIdle();
    expect(told).toEqual(['0: version 1, fresh']);
    expect(clock.pending).toBe(1);

    // A refresh: one timer, one fetch, one version.
    answer = () => 2;
    expect(await clock.step()).toBe(true);
    await clock.runUntilIdle();
    expect(told.splice(0)).toEqual(['0: version 1, fresh', '1000: version 2, fresh']);

    // A failure keeps the value and says that it is stale; the waits then grow.
    answer = () => {
      throw new Error('down');
    };
    for (let failure = 0; failure < 4; failure++) {
      await clock.step();
      await clock.runUntilIdle();
    }
    expect(refresher.state.failures).toBe(4);
    expect(told.splice(0)).toEqual(['2000: version 2, stale']);
    const waits = fetched.slice(1).map((at, i) => at - fetched[i]!);
    // Half way between one second and 2, 4 and 8.
    expect(waits).toEqual([1_000, 1_000, 1_500, 2_500, 4_500]);

    // Recovery: fresh with the first success, and a new grid from there.
    answer = () => 3;
    await clock.step();
    await clock.runUntilIdle();
    const recovered = clock.now() - START;
    expect(told.splice(0)).toEqual([`${recovered}: version 3, fresh`]);
    await clock.step();
    expect(fetched.at(-1)).toBe(recovered + 1_000);

    await refresher.close();
    expect(await clock.step()).toBe(false);
  });

  it('walks a source whose function hangs through its time-out', async () => {
    const clock = manualClock(START);
    const store = createStore({ clock });
    store.declare({ topic: 'a', kind: 'state', history: { count: 8, bytes: 8_192 }, served: true });
    const refresher = startRefresher({
      source: functionSource(() => new Promise(() => {}), PLACE),
      topic: store.writer('a')!,
      every: 1_000,
      timeout: 500,
      when: 'always',
      clock,
    });
    await clock.runUntilIdle();
    expect(refresher.state.running).toBe(true);
    expect(await clock.step()).toBe(true);
    await clock.runUntilIdle();
    expect(clock.now()).toBe(START + 500);
    expect(refresher.state).toMatchObject({ running: false, failures: 1 });
    expect(store.open('a')!.freshness.stale).toBe(true);
    await refresher.close();
  });
});
