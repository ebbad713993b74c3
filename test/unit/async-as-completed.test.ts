import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  type AsCompletedOptions,
  asCompleted,
  CancelledError,
  createTask,
  liveTasks,
  manualClock,
  type Runnable,
  run,
  sleep,
  TimeoutError,
} from '../../server/async/index.js';
import { valueAfter } from '../support/async-works.js';

/** What a loop over `asCompleted` saw, as text, while the clock moved on by `advance` ms. */
async function loop(runnables: Runnable<unknown>[], options: AsCompletedOptions, advance: number) {
  const clock = manualClock();
  const seen: string[] = [];
  const looping = (async () => {
    try {
      for await (const task of asCompleted(runnables, { clock, ...options })) {
        seen.push(
          await Promise.resolve(task).then(String, (error: Error) => `${error.name}: ${error.message}`),
        );
      }
      seen.push('end');
    } catch (error) {
      seen.push((error as Error).name);
    }
  })();
  await clock.advance(advance);
  await looping;
  expect(clock.pending).toBe(0);
  return seen;
}

describe('asCompleted', () => {
  it('yields each when it has ended, in that order', async () => {
    expect(await loop([valueAfter(30, 'a'), valueAfter(10, 'b'), valueAfter(20, 'c')], {}, 30)).toEqual([
      'b',
      'c',
      'a',
      'end',
    ]);
  });

  it('yields failures as tasks, so that the loop goes on', async () => {
    const broken = () => Promise.reject(new Error('broken'));
    expect(await loop([valueAfter(30, 'a'), broken], {}, 30)).toEqual(['Error: broken', 'a', 'end']);
  });

  it('yields nothing for none', async () => {
    expect(await loop([], { timeout: 10 }, 0)).toEqual(['end']);
  });

  it('yields the very task that it was given', async () => {
    await run(async (signal) => {
      const given = createTask(() => 'value', { signal });
      for await (const task of asCompleted([given], { signal })) expect(task).toBe(given);
    });
  });

  it('throws a TimeoutError after what was in time, and cancels and awaits what it started', async () => {
    const before = liveTasks().length;
    expect(await loop([valueAfter(10, 'a'), valueAfter(1_000, 'b')], { timeout: 50 }, 50)).toEqual([
      'a',
      'TimeoutError',
    ]);
    expect(liveTasks()).toHaveLength(before);
  });

  it('lets a task that it was given run on after the timeout', async () => {
    const clock = manualClock();
    const root = run(
      async (signal) => {
        const given = createTask(valueAfter(100, 'given'), { signal });
        const iterator = asCompleted([given], { signal, timeout: 10 });
        await expect(iterator.next()).rejects.toThrow(TimeoutError);
        return given;
      },
      { clock },
    );
    await clock.advance(100);
    expect(await root).toBe('given');
  });

  it('cancels and awaits the rest when the loop is left', async () => {
    const clock = manualClock();
    const before = liveTasks().length;
    const steps: string[] = [];
    const slow = (signal: AbortSignal) => sleep(1_000, { signal }).finally(() => steps.push('slow ended'));
    const looping = (async () => {
      for await (const task of asCompleted([valueAfter(10, 'a'), slow], { clock })) {
        steps.push(String(await task));
        break;
      }
      steps.push('left');
    })();
    await clock.advance(10);
    await looping;
    expect(steps).toEqual(['a', 'slow ended', 'left']);
    expect([liveTasks().length, clock.pending]).toEqual([before, 0]);
  });

  it('throws a CancelledError in the loop when it is cancelled from outside', async () => {
    const controller = new AbortController();
    const looping = loop([valueAfter(1_000, 'a')], { signal: controller.signal }, 10);
    await turn();
    controller.abort();
    expect(await looping).toEqual(['AbortError']);
  });

  it('serves several calls of next at a time', async () => {
    const iterator = asCompleted([() => 1, () => 2]);
    const results = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
    expect(results.map(({ done, value }) => (done ? 'end' : value.result()))).toEqual([1, 2, 'end']);
    expect(new CancelledError().name).toBe('AbortError');
  });
});
