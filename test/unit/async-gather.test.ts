import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  CancelledError,
  createTask,
  gather,
  liveTasks,
  manualClock,
  run,
  sleep,
  type Task,
} from '../../server/async/index.js';
import { failAfter, valueAfter } from '../support/async-works.js';

describe('gather', () => {
  it('gives the results in the order of the works, whichever ended first', async () => {
    const clock = manualClock();
    const all = gather([valueAfter(30, 'a'), valueAfter(10, 2), valueAfter(20, true)], { clock });
    await clock.advance(30);
    const results = await all;
    expectTypeOf(results).toEqualTypeOf<[string, number, boolean]>();
    expect(results).toEqual(['a', 2, true]);
  });

  it('gives an empty list for none', async () => {
    expect(await gather([])).toEqual([]);
  });

  it('runs the works at the same time', async () => {
    const clock = manualClock();
    const started = clock.now();
    const all = gather([valueAfter(50, 1), valueAfter(50, 2), valueAfter(50, 3)], { clock });
    await clock.advance(50);
    await all;
    expect(clock.now() - started).toBe(50);
  });

  it('takes tasks beside functions, the same one twice too', async () => {
    await run(async (signal) => {
      const task = createTask(() => 'once', { signal });
      expect(await gather([task, () => 'function', task], { signal })).toEqual(['once', 'function', 'once']);
    });
  });

  it('refuses a promise, which it could not cancel, before it starts anything', async () => {
    const before = liveTasks().length;
    const begun: string[] = [];
    const works = [() => void begun.push('begun'), Promise.resolve() as unknown as Task<void>];
    expect(() => gather(works)).toThrow(TypeError);
    await turn();
    expect([liveTasks().length, begun]).toEqual([before, []]);
  });

  it('throws the first error after it has cancelled and awaited the others', async () => {
    const clock = manualClock();
    const steps: string[] = [];
    const sibling = async (signal: AbortSignal) => {
      try {
        await sleep(1_000, { signal });
      } finally {
        await sleep(5, { clock });
        steps.push('sibling ended');
      }
    };
    const all = gather([sibling, failAfter(10, 'first'), failAfter(12, 'second')], { clock });
    const caught = Promise.resolve(all).catch((error: Error) => steps.push(`caught ${error.message}`));
    await clock.advance(10);
    expect(steps).toEqual([]);
    await clock.advance(5);
    await caught;
    expect(steps).toEqual(['sibling ended', 'caught first']);
    expect(clock.pending).toBe(0);
  });

  it('cancels a task that it was given, too, when another fails', async () => {
    await run(async (signal) => {
      const given = createTask((own) => sleep(60_000, { signal: own }), { signal });
      await expect(gather([given, () => Promise.reject(new Error('broken'))], { signal })).rejects.toThrow(
        'broken',
      );
      expect(given.state).toBe('cancelled');
    });
  });

  it('puts errors among the results with returnExceptions, and lets the others finish', async () => {
    const clock = manualClock();
    const all = gather([failAfter(1, 'broken'), valueAfter(10, 'fine'), () => Promise.reject('no Error')], {
      clock,
      returnExceptions: true,
    });
    await clock.advance(10);
    const results = await all;
    expect(results).toEqual([new Error('broken'), 'fine', new Error('no Error')]);
  });

  it('cancels all of its works when it is cancelled', async () => {
    const states: string[] = [];
    const note = (name: string) => (signal: AbortSignal) =>
      sleep(60_000, { signal }).finally(() => states.push(`${name} ended`));
    const all = gather([note('a'), note('b')]);
    await turn();
    all.cancel();
    await expect(all).rejects.toThrow(CancelledError);
    expect(states).toEqual(['a ended', 'b ended']);
  });

  it('cancels a task that it was given even before it had its first turn', async () => {
    await run(async (signal) => {
      const given = createTask((own) => sleep(60_000, { signal: own }), { signal });
      const all = gather([given], { signal });
      all.cancel();
      await expect(all).rejects.toThrow(CancelledError);
      expect(given.state).toBe('cancelled');
    });
  });

  it('throws a CancelledError when it is cancelled, with returnExceptions as well', async () => {
    const all = gather([valueAfter(60_000, 1)], { returnExceptions: true });
    await turn();
    all.cancel();
    await expect(all).rejects.toThrow(CancelledError);
  });

  it('throws a CancelledError when it is cancelled and its works give values all the same', async () => {
    const stubborn = async (signal: AbortSignal) => {
      await sleep(60_000, { signal }).catch(() => {});
      return 'value';
    };
    const all = gather([stubborn]);
    await turn();
    all.cancel();
    await expect(all).rejects.toThrow(CancelledError);
  });

  it('takes the cancellation of one of its tasks for a failure', async () => {
    await run(async (signal) => {
      const one = createTask(valueAfter(60_000, 1), { signal });
      const other = createTask(valueAfter(60_000, 2), { signal });
      const all = gather([one, other], { signal });
      await turn();
      one.cancel('only this one');
      await expect(all).rejects.toThrow('only this one');
      expect(all.cancelling).toBe(false);
      expect(other.state).toBe('cancelled');
    });
  });

  it('puts the cancellation of one of its tasks among the results with returnExceptions', async () => {
    await run(async (signal) => {
      const one = createTask(valueAfter(60_000, 1), { signal });
      one.cancel('only this one');
      const results = await gather([one, () => 'fine'], { signal, returnExceptions: true });
      expect(results).toEqual([expect.any(CancelledError), 'fine']);
      expect(signal.aborted).toBe(false);
    });
  });

  it('cannot be cancelled once it is done', async () => {
    const all = gather([() => 1]);
    await all;
    expect(all.cancel()).toBe(false);
  });
});
