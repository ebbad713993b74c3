import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pipeline, runningPipelines, type StageFailure } from '../../server/source/pipeline.js';

/** Work that waits until the test lets it go on. */
function gate<T>() {
  const waiting: { item: T; pass(): void; fail(error: Error): void }[] = [];
  const work = (item: T, { signal }: { signal: AbortSignal }) =>
    new Promise<T>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      waiting.push({ item, pass: () => resolve(item), fail: reject });
    });
  return { waiting, work };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function* endless(): AsyncGenerator<number> {
  for (let n = 0; ; n++) yield n;
}

describe('a pipeline', () => {
  it('brings every item through every stage, in order', async () => {
    const seen: number[] = [];
    const pipe = pipeline<string>()
      .stage('parse', (text) => Number(text))
      .stage('transform', async (n) => n * 2)
      .stage('sink', (n) => void seen.push(n))
      .start();
    await pipe.run(['1', '2', '3']);
    expect(seen).toEqual([2, 4, 6]);
    expect(
      pipe.stages.map(({ stage, in: taken, out, queued, active }) => [stage, taken, out, queued, active]),
    ).toEqual([
      ['parse', 3, 3, 0, 0],
      ['transform', 3, 3, 0, 0],
      ['sink', 3, 3, 0, 0],
    ]);
  });

  it('loses and doubles nothing, whatever the bounds', async () => {
    const bound = fc.integer({ min: 1, max: 5 });
    const stage = fc.record({ concurrency: bound, queue: bound });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer()),
        fc.array(stage, { minLength: 1, maxLength: 4 }),
        async (items, bounds) => {
          const seen: number[] = [];
          let built = pipeline<number>().stage('first', (n) => n);
          for (const [index, options] of bounds.entries()) {
            built = built.stage(
              `stage ${index}`,
              async (n) => {
                if (n % 2 === 0) await turn();
                return n;
              },
              options,
            );
          }
          await built
            .stage('sink', (n) => void seen.push(n))
            .start()
            .run(items);
          const sorted = (list: number[]) => list.toSorted((a, b) => a - b);
          expect(sorted(seen)).toEqual(sorted(items));
          if (bounds.every(({ concurrency }) => concurrency === 1)) expect(seen).toEqual(items);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('works on as many items at once as a stage may, and no more', async () => {
    const { waiting, work } = gate<number>();
    const pipe = pipeline<number>().stage('fetch', work, { concurrency: 3 }).start();
    const done = pipe.run([1, 2, 3, 4]);
    await turn();
    expect(waiting.map(({ item }) => item)).toEqual([1, 2, 3]);
    expect(pipe.stages[0]).toMatchObject({ active: 3, queued: 1 });
    waiting[1]!.pass();
    await turn();
    expect(waiting.map(({ item }) => item)).toEqual([1, 2, 3, 4]);
    for (const { pass } of waiting) pass();
    await done;
  });

  it('holds up whoever brings items where the last stage is slow', async () => {
    const { waiting, work } = gate<number>();
    await using pipe = pipeline<number>()
      .stage('fetch', (n) => n, { queue: 2 })
      .stage('sink', work, { queue: 3 })
      .start();
    let brought = 0;
    const bringing = (async () => {
      for await (const n of endless()) {
        await pipe.put(n);
        brought = n + 1;
      }
    })();
    bringing.catch(() => {});
    for (let i = 0; i < 20; i++) await turn();
    // One at the sink, three before it, one that waits to get there, two before the first stage.
    expect(brought).toBe(7);
    expect(pipe.stages.map(({ queued }) => queued)).toEqual([2, 3]);
    waiting[0]!.pass();
    for (let i = 0; i < 20; i++) await turn();
    expect(brought).toBe(8);
  });

  it('counts how long its stages are busy', async () => {
    const pipe = pipeline<number>()
      .stage('slow', () => new Promise((resolve) => setTimeout(resolve, 20)), { concurrency: 2 })
      .start();
    await pipe.run([1, 2]);
    expect(pipe.stages[0]!.busy).toBeGreaterThan(30);
  });

  it.each([
    ['concurrency', { concurrency: 0 }],
    ['concurrency', { concurrency: 1.5 }],
    ['queue', { queue: -1 }],
  ])('refuses a %s of no sense', (name, options) => {
    expect(() => pipeline<number>().stage('a', (n) => n, options)).toThrow(`the ${name} of stage "a" is`);
  });

  it('needs a stage', () => {
    expect(() => pipeline().start()).toThrow('a pipeline needs a stage');
  });
});

describe('a failure in a pipeline', () => {
  it('stops it: what else runs is cancelled and awaited, and whoever brings or waits gets the error', async () => {
    const { waiting, work } = gate<number>();
    let cleanedUp = false;
    const pipe = pipeline<number>()
      .stage('fetch', work, { concurrency: 2, queue: 1 })
      .stage('slow to stop', async (_item, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        await turn();
        cleanedUp = true;
      })
      .start();
    const puts = [1, 2, 3, 4, 5].map((n) => pipe.put(n));
    await turn();
    waiting[0]!.pass();
    await turn();
    const boom = new Error('boom');
    waiting[1]!.fail(boom);
    await expect(pipe.end()).rejects.toBe(boom);
    expect(cleanedUp).toBe(true);
    const settled = await Promise.allSettled(puts);
    expect(settled.at(-1)).toEqual({ status: 'rejected', reason: boom });
    expect(pipe.stages[0]!.failures).toBe(1);
  });

  it('drops its item only, where somebody hears of it', async () => {
    const failures: StageFailure[] = [];
    const seen: number[] = [];
    const pipe = pipeline<string>({ onFailure: (failure) => failures.push(failure) })
      .stage('parse', (text) => JSON.parse(text) as number)
      .stage('sink', (n) => void seen.push(n))
      .start();
    await pipe.run(['1', '{', '3']);
    expect(seen).toEqual([1, 3]);
    expect(failures).toEqual([{ stage: 'parse', item: '{', error: expect.any(SyntaxError) }]);
    expect(pipe.stages[0]).toMatchObject({ in: 3, out: 2, failures: 1 });
  });

  it('of the items themselves stops it', async () => {
    async function* broken() {
      yield 1;
      throw new Error('no more');
    }
    const { work } = gate<number>();
    const pipe = pipeline<number>().stage('fetch', work).start();
    await expect(pipe.run(broken())).rejects.toThrow('no more');
    expect(pipe.stages[0]!.active).toBe(0);
  });

  it('is not waited out where the next item never comes', async () => {
    async function* stuck() {
      yield 1;
      await new Promise(() => {});
    }
    const pipe = pipeline<number>()
      .stage('fail', () => Promise.reject(new Error('boom')))
      .start();
    await expect(pipe.run(stuck())).rejects.toThrow('boom');
  });

  it('that nobody waits for is no unhandled rejection', async () => {
    const pipe = pipeline<number>()
      .stage('fail', () => Promise.reject(new Error('boom')))
      .start();
    await pipe.put(1);
    await turn();
    await turn();
    await expect(pipe.put(2)).rejects.toThrow('boom');
  });
});

describe('a pipeline that is called off', () => {
  it('ends when its signal aborts', async () => {
    const { work } = gate<number>();
    const controller = new AbortController();
    const pipe = pipeline<number>().stage('fetch', work).start({ signal: controller.signal });
    const done = pipe.run(endless());
    await turn();
    controller.abort(new Error('enough'));
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
    expect(pipe.stages[0]!.active).toBe(0);
  });

  it('ends with the block that holds it', async () => {
    const { work, waiting } = gate<number>();
    let stages: readonly { active: number }[];
    {
      await using pipe = pipeline<number>().stage('fetch', work).start();
      stages = pipe.stages;
      await pipe.put(1);
      await turn();
      expect(waiting).toHaveLength(1);
    }
    expect(stages[0]!.active).toBe(0);
  });

  it('takes nothing after its end, but what was being brought', async () => {
    const { work, waiting } = gate<number>();
    const pipe = pipeline<number>().stage('fetch', work, { queue: 1 }).start();
    const puts = [1, 2, 3].map((n) => pipe.put(n));
    await turn();
    const done = pipe.end();
    await expect(pipe.put(4)).rejects.toMatchObject({ code: 'closed' });
    for (let i = 0; i < 3; i++) {
      waiting[i]!.pass();
      await turn();
    }
    await Promise.all(puts);
    await done;
    expect(waiting.map(({ item }) => item)).toEqual([1, 2, 3]);
  });
});

describe('the pipelines of a process', () => {
  it('are listed by name while they run', async () => {
    const names = () => runningPipelines().map(({ name }) => name);
    const { work, waiting } = gate<number>();
    const pipe = pipeline<number>({ name: 'prices' }).stage('fetch', work).start();
    await pipe.put(1);
    await turn();
    expect(names()).toEqual(['prices']);
    waiting[0]!.pass();
    await pipe.end();
    await turn();
    expect(names()).toEqual([]);
  });
});
