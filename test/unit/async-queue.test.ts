import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  manualClock,
  Queue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  sleep,
  TaskGroup,
  timeout,
} from '../../server/async/index.js';

/** Notes in `log` what becomes of `work`, under `name`. */
function note(log: string[], name: string, work: Promise<unknown>) {
  work.then(
    (value) => log.push(value === undefined ? name : `${name}: ${value}`),
    (error: Error) => log.push(`${name}: ${error.name}`),
  );
}

describe('a Queue', () => {
  it('gives items in the order in which they were put', async () => {
    const queue = new Queue<number>();
    await queue.put(1);
    queue.putNowait(2);
    expect([queue.size, queue.empty, queue.full]).toEqual([2, false, false]);
    expect([queue.getNowait(), await queue.get(), queue.empty]).toEqual([1, 2, true]);
  });

  it('has no bound with a maxSize of 0 or less', () => {
    for (const maxSize of [0, -1]) {
      const queue = new Queue<number>({ maxSize });
      for (let item = 0; item < 1_000; item++) queue.putNowait(item);
      expect([queue.full, queue.maxSize]).toEqual([false, Number.POSITIVE_INFINITY]);
    }
  });

  it('refuses with QueueFull and QueueEmpty what would have to wait', () => {
    const queue = new Queue<number>({ maxSize: 1 });
    expect(() => queue.getNowait()).toThrow(QueueEmpty);
    queue.putNowait(1);
    expect(queue.full).toBe(true);
    expect(() => queue.putNowait(2)).toThrow(QueueFull);
    expect(() => new Queue({ maxSize: Number.NaN })).toThrow(RangeError);
  });

  it('lets put wait for room and get for an item, in the order of asking', async () => {
    const queue = new Queue<string>({ maxSize: 1 });
    const log: string[] = [];
    for (const item of ['a', 'b', 'c']) note(log, `put ${item}`, queue.put(item));
    await turn();
    expect(log).toEqual(['put a']);
    for (const name of ['get 1', 'get 2', 'get 3', 'get 4']) note(log, name, queue.get());
    await turn();
    expect(log.filter((line) => line.startsWith('put'))).toEqual(['put a', 'put b', 'put c']);
    expect(log.filter((line) => line.startsWith('get'))).toEqual(['get 1: a', 'get 2: b', 'get 3: c']);
    queue.putNowait('d');
    await turn();
    expect(log.at(-1)).toBe('get 4: d');
  });

  it('lets nobody overtake a put that waits', async () => {
    const queue = new Queue<string>({ maxSize: 1 });
    queue.putNowait('a');
    const waiting = queue.put('b');
    expect(queue.getNowait()).toBe('a');
    expect(() => queue.putNowait('c')).toThrow(QueueFull);
    await waiting;
    expect(queue.getNowait()).toBe('b');
  });

  it('gives no item to a get that was cancelled', async () => {
    const queue = new Queue<string>();
    const controller = new AbortController();
    const cancelled = queue.get({ signal: controller.signal });
    const other = queue.get();
    controller.abort();
    await expect(cancelled).rejects.toThrow(CancelledError);
    queue.putNowait('item');
    expect(await other).toBe('item');
  });

  it('keeps the item of a get that was cancelled in the very turn in which it came', async () => {
    const queue = new Queue<string>();
    const controller = new AbortController();
    const get = queue.get({ signal: controller.signal });
    queue.putNowait('item');
    controller.abort();
    expect(await get).toBe('item');
  });

  it('leaves no item of a put that was cancelled, and takes none with a signal that is aborted', async () => {
    const queue = new Queue<string>({ maxSize: 1 });
    queue.putNowait('a');
    const controller = new AbortController();
    const cancelled = queue.put('b', { signal: controller.signal });
    controller.abort();
    await expect(cancelled).rejects.toThrow(CancelledError);
    expect([queue.getNowait(), queue.empty]).toEqual(['a', true]);
    await expect(queue.put('c', { signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
    expect(queue.empty).toBe(true);
  });

  it('can be waited for within a timeout', async () => {
    const clock = manualClock();
    const queue = new Queue<string>();
    const timed = timeout(10, (signal) => queue.get({ signal }), { clock });
    const failed = Promise.resolve(timed).catch((error: Error) => error.name);
    await clock.advance(10);
    expect(await failed).toBe('TimeoutError');
    queue.putNowait('kept');
    expect(queue.size).toBe(1);
  });

  it('joins when taskDone was called for every item', async () => {
    const queue = new Queue<number>();
    const log: string[] = [];
    await queue.join();
    queue.putNowait(1);
    queue.putNowait(2);
    note(log, 'joined', queue.join());
    queue.getNowait();
    queue.getNowait();
    queue.taskDone();
    await turn();
    expect(log).toEqual([]);
    queue.taskDone();
    await turn();
    expect(log).toEqual(['joined']);
    expect(() => queue.taskDone()).toThrow(expect.objectContaining({ code: 'invalid_state' }));
  });

  it('lets a join be cancelled', async () => {
    const queue = new Queue<number>();
    queue.putNowait(1);
    const controller = new AbortController();
    const joining = queue.join({ signal: controller.signal });
    controller.abort();
    await expect(joining).rejects.toThrow(CancelledError);
  });

  it('counts an item that a waiting get received as unfinished', async () => {
    const queue = new Queue<number>();
    const log: string[] = [];
    const get = queue.get();
    queue.putNowait(1);
    note(log, 'joined', queue.join());
    await get;
    expect(log).toEqual([]);
    queue.taskDone();
    await turn();
    expect(log).toEqual(['joined']);
  });

  it('shares work among workers, and all is done when join returns', async () => {
    const clock = manualClock();
    const done: number[] = [];
    const program = TaskGroup.run(
      async (group) => {
        const queue = new Queue<number>();
        for (let item = 0; item < 20; item++) queue.putNowait(item);
        const workers = [1, 2, 3].map(() =>
          group.createTask(async (signal) => {
            for (;;) {
              const item = await queue.get({ signal });
              await sleep(item, { signal });
              done.push(item);
              queue.taskDone();
            }
          }),
        );
        await queue.join({ signal: group.signal });
        for (const worker of workers) worker.cancel();
      },
      { clock },
    );
    await clock.advance(1_000);
    await program;
    expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, item) => item));
    expect(clock.pending).toBe(0);
  });
});

describe('a closed Queue', () => {
  it('takes nothing, gives what is left, and then throws QueueShutDown', async () => {
    const queue = new Queue<string>();
    queue.putNowait('left');
    queue.close();
    expect(queue.closed).toBe(true);
    expect(() => queue.putNowait('late')).toThrow(QueueShutDown);
    await expect(queue.put('late')).rejects.toThrow(QueueShutDown);
    expect(await queue.get()).toBe('left');
    await expect(queue.get()).rejects.toThrow(QueueShutDown);
    expect(() => queue.getNowait()).toThrow(QueueShutDown);
  });

  it('wakes all who wait in put and get with QueueShutDown', async () => {
    const log: string[] = [];
    const full = new Queue<string>({ maxSize: 1 });
    full.putNowait('a');
    note(log, 'put b', full.put('b'));
    note(log, 'put c', full.put('c'));
    full.close();
    const empty = new Queue<string>();
    note(log, 'get 1', empty.get());
    note(log, 'get 2', empty.get());
    empty.close();
    await turn();
    expect(log).toEqual(['put b', 'put c', 'get 1', 'get 2'].map((name) => `${name}: QueueShutDown`));
    expect([full.getNowait(), full.empty]).toEqual(['a', true]);
  });

  it('still joins when what was left is finished', async () => {
    const queue = new Queue<string>();
    const log: string[] = [];
    queue.putNowait('left');
    queue.close();
    note(log, 'joined', queue.join());
    queue.getNowait();
    await turn();
    expect(log).toEqual([]);
    queue.taskDone();
    await turn();
    expect(log).toEqual(['joined']);
  });

  it('drops what is left when it is closed immediately, and joins unless items are still being worked on', async () => {
    const queue = new Queue<string>();
    const log: string[] = [];
    for (const item of ['taken', 'left', 'left']) queue.putNowait(item);
    note(log, 'joined', queue.join());
    queue.getNowait();
    queue.close({ immediate: true });
    await turn();
    expect([queue.size, log]).toEqual([0, []]);
    queue.taskDone();
    await turn();
    expect(log).toEqual(['joined']);
    await expect(queue.get()).rejects.toThrow(QueueShutDown);
  });

  it('may be closed again, immediately then', async () => {
    const queue = new Queue<string>();
    queue.putNowait('left');
    queue.close();
    queue.close({ immediate: true });
    await queue.join();
    expect(queue.empty).toBe(true);
  });
});

describe('any interleaving of put, get and cancellation', () => {
  type Step = { act: 'put' | 'get' | 'putNowait' | 'getNowait' | 'turn' } | { act: 'cancel'; whom: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Step>({ act: 'put' }, { act: 'get' }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Step>({ act: 'putNowait' }, { act: 'getNowait' }, { act: 'turn' }),
    },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('cancel' as const), whom: fc.nat() }) },
  );

  it('keeps the order and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 4 }), fc.array(step, { maxLength: 60 }), async (maxSize, steps) => {
        const queue = new Queue<number>({ maxSize });
        const controllers: AbortController[] = [];
        /** Items in the order in which their put was called, without those whose put was cancelled. */
        const put: number[] = [];
        const refused = new Set<number>();
        /** Items by the order in which the get that received them was called. */
        const got: (number | undefined)[] = [];
        const settled: Promise<void>[] = [];
        let next = 0;
        const controller = () => controllers[controllers.push(new AbortController()) - 1]!;

        for (const { act, ...rest } of steps) {
          if (act === 'put') {
            const item = next++;
            put.push(item);
            settled.push(queue.put(item, controller()).catch(() => void refused.add(item)));
          } else if (act === 'get') {
            const place = got.push(undefined) - 1;
            settled.push(
              queue.get(controller()).then(
                (item) => {
                  got[place] = item;
                },
                () => {},
              ),
            );
          } else if (act === 'putNowait' && !queue.full) {
            put.push(next);
            queue.putNowait(next++);
          } else if (act === 'getNowait' && !queue.empty) {
            got.push(queue.getNowait());
          } else if (act === 'turn') {
            await turn();
          } else if ('whom' in rest && controllers.length > 0) {
            controllers[rest.whom % controllers.length]!.abort();
          }
        }
        await turn();
        for (const waiting of controllers) waiting.abort();
        await Promise.all(settled);
        while (!queue.empty) got.push(queue.getNowait());
        expect(got.filter((item) => item !== undefined)).toEqual(put.filter((item) => !refused.has(item)));
      }),
      { numRuns: 300 },
    );
  });
});
