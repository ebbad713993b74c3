import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  createTask,
  manualClock,
  run,
  shield,
  sleep,
  type Task,
} from '../../server/async/index.js';
import { unhandledRejections } from '../support/unhandled-rejections.js';

const caught = (work: PromiseLike<unknown>) => Promise.resolve(work).catch((error: unknown) => error);

describe('shield', () => {
  it('gives the value or the error of the inner work', async () => {
    await run(async (signal) => {
      expect(await shield(() => 'value', { signal })).toBe('value');
      await expect(shield(() => Promise.reject(new Error('broken')), { signal })).rejects.toThrow('broken');
    });
  });

  it('is cancelled from outside at once, while the inner work goes on and its owner waits for it', async () => {
    const clock = manualClock();
    const steps: string[] = [];
    const owner = run(
      async (signal) => {
        const inner = async (own: AbortSignal) => {
          await sleep(50, { signal: own });
          steps.push('inner ended');
        };
        await shield(inner, { signal }).then(undefined, (error: Error) => {
          steps.push(error.name);
          throw error;
        });
      },
      { clock },
    );
    const ended = caught(owner).then(() => steps.push('owner ended'));
    await turn();
    owner.cancel();
    await turn();
    expect([steps, owner.state]).toEqual([['AbortError'], 'pending']);
    await clock.advance(50);
    await ended;
    expect(steps).toEqual(['AbortError', 'inner ended', 'owner ended']);
    expect(owner.state).toBe('cancelled');
  });

  it('protects a task that it is given', async () => {
    const clock = manualClock();
    let inner: Task<string> | undefined;
    const owner = run(
      async (signal) => {
        inner = createTask((own) => sleep(50, { signal: own, result: 'saved' }), { signal });
        return shield(inner, { signal });
      },
      { clock },
    );
    const error = caught(owner);
    await turn();
    owner.cancel();
    await clock.advance(50);
    expect(await error).toBeInstanceOf(CancelledError);
    expect(inner!.result()).toBe('saved');
  });

  it('is cancelled when the inner work is', async () => {
    await run(async (signal) => {
      const inner = createTask((own) => sleep(60_000, { signal: own }), { signal });
      const shielded = shield(inner, { signal });
      await turn();
      inner.cancel('inside');
      await expect(shielded).rejects.toThrow('inside');
      expect(signal.aborted).toBe(false);
    });
  });

  it('waits where the cancellation came before it, so that clean-up can be finished', async () => {
    const clock = manualClock();
    const steps: string[] = [];
    const owner = run(
      async (signal) => {
        try {
          await sleep(60_000, { signal });
        } finally {
          await shield((own) => sleep(5, { signal: own }), { signal });
          steps.push('flushed');
        }
      },
      { clock },
    );
    const error = caught(owner);
    await turn();
    owner.cancel();
    await clock.advance(5);
    expect(await error).toBeInstanceOf(CancelledError);
    expect(steps).toEqual(['flushed']);
  });

  it('leaves an error of the inner work that comes after the cancellation to the owner', async () => {
    const clock = manualClock();
    const reasons = await unhandledRejections(async () => {
      const owner = run(
        (signal) =>
          shield(
            async (own) => {
              await sleep(5, { signal: own });
              throw new Error('nobody waits any more');
            },
            { signal },
          ),
        { clock },
      );
      const error = caught(owner);
      await turn();
      owner.cancel();
      await clock.advance(5);
      expect(await error).toMatchObject({ errors: [new Error('nobody waits any more')] });
    });
    expect(reasons).toEqual([]);
  });

  it('starts no function that nobody would own', () => {
    expect(() => shield(() => {})).toThrow(expect.objectContaining({ code: 'no_owner' }));
  });
});
