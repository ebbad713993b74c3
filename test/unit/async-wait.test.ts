import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  ALL_COMPLETED,
  CancelledError,
  createTask,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  gather,
  manualClock,
  run,
  sleep,
  type Task,
  type WaitOptions,
  wait,
} from '../../server/async/index.js';
import { unhandledRejections } from '../support/unhandled-rejections.js';

type Plan = [name: string, delay: number, outcome?: 'fail' | 'cancel'];

/** Starts tasks after `plans`, waits for them on a clock that is moved on by `advance` ms, and names those that were done. */
async function waitFor(plans: Plan[], options: WaitOptions, advance: number) {
  const clock = manualClock();
  const root = run(
    async (signal) => {
      const tasks = plans.map(([name, delay, outcome]) =>
        createTask(
          async (own) => {
            await sleep(delay, { signal: own });
            if (outcome === 'fail') throw new Error(name);
            if (outcome === 'cancel') throw new CancelledError(name);
          },
          { signal, name },
        ),
      );
      const { done, pending } = await wait(tasks, { ...options, signal });
      const waited = { done: names(done), pending: names(pending), at: clock.now() - 1_000_000 };
      for (const task of done) if (task.state === 'failed') task.exception();
      return waited;
    },
    { clock },
  );
  await clock.advance(advance);
  return root;
}

const names = (tasks: Set<Task<unknown>>) => [...tasks].map((task) => task.name);

describe('wait', () => {
  it('returns when all have ended, by default', async () => {
    const waited = await waitFor(
      [
        ['a', 20],
        ['b', 10, 'fail'],
        ['c', 30],
      ],
      {},
      30,
    );
    expect(waited).toEqual({ done: ['a', 'b', 'c'], pending: [], at: 30 });
  });

  it('returns at the first that ended with FIRST_COMPLETED', async () => {
    const waited = await waitFor(
      [
        ['a', 20],
        ['b', 10],
        ['c', 30],
      ],
      { returnWhen: FIRST_COMPLETED },
      10,
    );
    expect(waited).toEqual({ done: ['b'], pending: ['a', 'c'], at: 10 });
  });

  it('counts a failed one and a cancelled one as ended with FIRST_COMPLETED', async () => {
    const options = { returnWhen: FIRST_COMPLETED } as const;
    expect(
      (
        await waitFor(
          [
            ['a', 20],
            ['b', 10, 'fail'],
          ],
          options,
          10,
        )
      ).done,
    ).toEqual(['b']);
    expect(
      (
        await waitFor(
          [
            ['a', 20],
            ['b', 10, 'cancel'],
          ],
          options,
          10,
        )
      ).done,
    ).toEqual(['b']);
  });

  it('returns at the first failure with FIRST_EXCEPTION', async () => {
    const plans: Plan[] = [
      ['a', 10],
      ['b', 20, 'fail'],
      ['c', 30],
    ];
    expect(await waitFor(plans, { returnWhen: FIRST_EXCEPTION }, 20)).toEqual({
      done: ['a', 'b'],
      pending: ['c'],
      at: 20,
    });
  });

  it('does not count a cancelled one as a failure with FIRST_EXCEPTION, and waits for all where none fails', async () => {
    const plans: Plan[] = [
      ['a', 10, 'cancel'],
      ['b', 20],
    ];
    expect(await waitFor(plans, { returnWhen: FIRST_EXCEPTION }, 20)).toEqual({
      done: ['a', 'b'],
      pending: [],
      at: 20,
    });
  });

  it('returns what is done when the timeout passes, and throws nothing', async () => {
    const waited = await waitFor(
      [
        ['a', 20],
        ['b', 10],
      ],
      { returnWhen: ALL_COMPLETED, timeout: 15 },
      15,
    );
    expect(waited).toEqual({ done: ['b'], pending: ['a'], at: 15 });
  });

  it('returns at once with a timeout of 0', async () => {
    expect(await waitFor([['a', 20]], { timeout: 0 }, 0)).toEqual({ done: [], pending: ['a'], at: 0 });
  });

  it('returns at once where its condition is met already', async () => {
    await run(async (signal) => {
      const task = createTask(() => 1, { signal });
      await task;
      expect(
        await wait([task, createTask((own) => sleep(60_000, { signal: own }), { signal })], {
          returnWhen: FIRST_COMPLETED,
        }),
      ).toMatchObject({ done: new Set([task]) });
    });
  });

  it('cancels nothing: what is pending runs on with its owner', async () => {
    const clock = manualClock();
    const root = run(
      async (signal) => {
        const slow = createTask((own) => sleep(50, { signal: own, result: 'slow' }), { signal });
        const { pending } = await wait([slow], { timeout: 10, signal });
        expect([...pending]).toEqual([slow]);
        return slow;
      },
      { clock },
    );
    await clock.advance(50);
    expect(await root).toBe('slow');
  });

  it('is over with a CancelledError when its signal is aborted, and its tasks run on', async () => {
    await run(async (signal) => {
      const task = createTask((own) => sleep(60_000, { signal: own }), { signal });
      const controller = new AbortController();
      const waiting = wait([task], { signal: controller.signal });
      controller.abort();
      await expect(waiting).rejects.toThrow(CancelledError);
      expect([task.state, task.cancelling]).toEqual(['pending', false]);
    });
  });

  it('counts a task once, however often it is given', async () => {
    const task = run(() => 1);
    expect((await wait([task, task])).done.size).toBe(1);
  });

  it('refuses an empty list and functions', () => {
    expect(() => wait([])).toThrow(RangeError);
    expect(() => wait([(() => 1) as unknown as Task<number>])).toThrow(TypeError);
  });

  it('leaves the failure of a done task to whoever looks at it, or else to its owner', async () => {
    const root = run(async (signal) => {
      await wait([createTask(() => Promise.reject(new Error('not looked at')), { signal })]);
    });
    await expect(root).rejects.toThrow('not looked at');
  });

  it('hands a failed task without an owner to its caller, with no unhandled rejection', async () => {
    const reasons = await unhandledRejections(async () => {
      const { done } = await wait([gather([() => Promise.reject(new Error('broken'))])]);
      await turn();
      for (const task of done) await expect(task).rejects.toThrow('broken');
    });
    expect(reasons).toEqual([]);
  });
});
