import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CancelledError, gather, manualClock, Semaphore, sleep } from '../../server/async/index.js';

describe('a Semaphore', () => {
  it('lets as many go on as its value says, and makes the others wait', async () => {
    const clock = manualClock();
    const semaphore = new Semaphore(2);
    let running = 0;
    let most = 0;
    const work = async (signal: AbortSignal) => {
      using _permit = await semaphore.acquire({ signal });
      most = Math.max(most, ++running);
      await sleep(10, { signal });
      running--;
    };
    const all = gather([work, work, work, work, work], { clock });
    await clock.advance(30);
    await all;
    expect([most, running, semaphore.locked]).toEqual([2, 0, false]);
  });

  it('has a value of 1 by default, says when it is locked, and refuses a negative value', async () => {
    const semaphore = new Semaphore();
    expect(semaphore.locked).toBe(false);
    await semaphore.acquire();
    expect(semaphore.locked).toBe(true);
    semaphore.release();
    expect(semaphore.locked).toBe(false);
    expect(() => new Semaphore(-1)).toThrow(RangeError);
    expect(() => new Semaphore(0.5)).toThrow(RangeError);
  });

  it('serves those who wait in the order of asking, and lets nobody overtake them', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const first = await semaphore.acquire();
    for (const name of ['a', 'b']) semaphore.acquire().then(() => order.push(name));
    first.release();
    semaphore.acquire().then(() => order.push('newcomer'));
    expect(semaphore.locked).toBe(true);
    await turn();
    expect(order).toEqual(['a']);
    semaphore.release();
    semaphore.release();
    await turn();
    expect(order).toEqual(['a', 'b', 'newcomer']);
  });

  it('may be released beyond its value, unless it is bounded', async () => {
    const semaphore = new Semaphore(0);
    semaphore.release();
    await semaphore.acquire();
    const bounded = new Semaphore(1, { bounded: true });
    await bounded.acquire();
    bounded.release();
    expect(() => bounded.release()).toThrow(expect.objectContaining({ code: 'invalid_state' }));
  });

  it('gives a permit back once, however often it is released', async () => {
    const semaphore = new Semaphore(1, { bounded: true });
    const permit = await semaphore.acquire();
    permit.release();
    permit.release();
    {
      await using _permit = await semaphore.acquire();
      expect(semaphore.locked).toBe(true);
    }
    expect(semaphore.locked).toBe(false);
  });

  it('gives no permit to one that was cancelled, and the next in line does not wait for it', async () => {
    const semaphore = new Semaphore(1);
    const held = await semaphore.acquire();
    const controller = new AbortController();
    const cancelled = semaphore.acquire({ signal: controller.signal });
    const next = semaphore.acquire();
    controller.abort();
    await expect(cancelled).rejects.toThrow(CancelledError);
    held.release();
    (await next).release();
    expect(semaphore.locked).toBe(false);
    await expect(semaphore.acquire({ signal: controller.signal })).rejects.toThrow(CancelledError);
    expect(semaphore.locked).toBe(false);
  });

  it('loses no permit that came in the very turn of the cancellation', async () => {
    const semaphore = new Semaphore(1);
    const held = await semaphore.acquire();
    const controller = new AbortController();
    const acquiring = semaphore.acquire({ signal: controller.signal });
    held.release();
    controller.abort();
    (await acquiring).release();
    expect(semaphore.locked).toBe(false);
  });

  it('keeps the order and loses no permit in any interleaving of acquire, release and cancellation', async () => {
    type Step = { act: 'acquire' | 'release' | 'turn' } | { act: 'cancel'; whom: number };
    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom<Step>({ act: 'acquire' }, { act: 'release' }, { act: 'turn' }),
      },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('cancel' as const), whom: fc.nat() }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 60 }),
        async (value, steps) => {
          const semaphore = new Semaphore(value, { bounded: true });
          const controllers: AbortController[] = [];
          const held: Disposable[] = [];
          const served: number[] = [];
          const settled: Promise<void>[] = [];
          for (const { act, ...rest } of steps) {
            if (act === 'acquire') {
              const controller = new AbortController();
              const place = controllers.push(controller) - 1;
              settled.push(
                semaphore.acquire({ signal: controller.signal }).then(
                  (permit) => {
                    served.push(place);
                    held.push(permit);
                    expect(held.length).toBeLessThanOrEqual(value);
                  },
                  (error) => expect(error).toBeInstanceOf(CancelledError),
                ),
              );
            } else if (act === 'release') {
              held.shift()?.[Symbol.dispose]();
            } else if (act === 'turn') {
              await turn();
            } else if ('whom' in rest && controllers.length > 0) {
              controllers[rest.whom % controllers.length]!.abort();
            }
          }
          await turn();
          for (const controller of controllers) controller.abort();
          await Promise.all(settled);
          expect(served).toEqual([...served].sort((a, b) => a - b));
          for (const permit of held) permit[Symbol.dispose]();
          for (let permit = 0; permit < value; permit++) await semaphore.acquire();
          expect(semaphore.locked).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
