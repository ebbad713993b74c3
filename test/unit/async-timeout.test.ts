import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  manualClock,
  run,
  sleep,
  systemClock,
  TimeoutError,
  type TimeoutScope,
  timeout,
  timeoutAt,
} from '../../server/async/index.js';
import { forever } from '../support/async-works.js';
import { settableClock } from '../support/settable-clock.js';

const caught = (work: PromiseLike<unknown>) => Promise.resolve(work).catch((error: unknown) => error);

describe('timeout', () => {
  it('gives the value of work that is in time, and leaves no timer', async () => {
    const clock = manualClock();
    const timed = timeout(50, (signal) => sleep(10, { signal, result: 'value' }), { clock });
    await clock.advance(10);
    expect(await timed).toBe('value');
    expect(clock.pending).toBe(0);
  });

  it('cancels work that is late, awaits it and throws a TimeoutError', async () => {
    const clock = manualClock();
    const steps: string[] = [];
    const timed = timeout(
      50,
      async (signal) => {
        await forever(signal).catch(() => {});
        await sleep(5, { clock });
        steps.push('ended');
        signal.throwIfAborted();
      },
      { clock, name: 'weather' },
    );
    const failed = caught(timed).then((error) => steps.push((error as Error).message));
    await clock.advance(50);
    expect(steps).toEqual([]);
    await clock.advance(5);
    await failed;
    expect(steps).toEqual(['ended', 'Task "weather" passed its deadline after 50 ms.']);
    expect(timed.state).toBe('failed');
  });

  it('tells the work why it was cancelled', async () => {
    const clock = manualClock();
    let reason: unknown;
    const timed = timeout(
      50,
      (signal) =>
        forever(signal).catch((error) => {
          reason = error;
          throw error;
        }),
      { clock },
    );
    const error = caught(timed);
    await clock.advance(50);
    expect(await error).toBeInstanceOf(TimeoutError);
    expect(reason).toBeInstanceOf(CancelledError);
    expect((reason as CancelledError).cause).toBe(await error);
  });

  it('lets a value and an error stand with which work answers the deadline', async () => {
    const clock = manualClock();
    const value = timeout(50, (signal) => forever(signal).catch(() => 'late, but here'), { clock });
    const error = timeout(50, (signal) => forever(signal).catch(() => Promise.reject(new Error('own'))), {
      clock,
    });
    const failed = caught(error);
    await clock.advance(50);
    expect(await value).toBe('late, but here');
    expect(await failed).toEqual(new Error('own'));
  });

  it('lets the work begin even if the deadline has passed, and cancels it at the first turn', async () => {
    const clock = manualClock();
    const steps: string[] = [];
    const timed = timeoutAt(
      clock.now() - 1,
      (signal) => {
        steps.push('began');
        return forever(signal);
      },
      { clock },
    );
    const failed = caught(timed);
    await clock.advance(0);
    expect(await failed).toBeInstanceOf(TimeoutError);
    expect(steps).toEqual(['began']);
  });

  it('sets no limit with null, and one later with reschedule', async () => {
    const clock = manualClock();
    const timed = timeout(
      null,
      async (signal, scope) => {
        expect(scope.when()).toBeNull();
        await sleep(1_000, { signal });
        scope.reschedule(clock.now() + 10);
        expect(scope.when()).toBe(clock.now() + 10);
        await forever(signal);
      },
      { clock },
    );
    const failed = caught(timed);
    await clock.advance(1_009);
    expect(timed.state).toBe('pending');
    await clock.advance(1);
    expect(await failed).toBeInstanceOf(TimeoutError);
  });

  it('moves its deadline and takes it away', async () => {
    const clock = manualClock();
    const timed = timeout(
      50,
      async (signal, scope) => {
        scope.reschedule(scope.when()! + 50);
        await sleep(90, { signal });
        scope.reschedule(null);
        await sleep(90, { signal });
        return scope.expired();
      },
      { clock },
    );
    await clock.advance(180);
    expect(await timed).toBe(false);
  });

  it.each(['setForth', 'setBack'] as const)(
    'lasts as long as it says, whatever the time of day (%s)',
    async (set) => {
      const clock = settableClock();
      const error = caught(
        timeout(
          1_000,
          async (signal, scope) => {
            await sleep(500, { signal });
            clock[set](3_600_000);
            expect(scope.when()).toBe(clock.now() + 500);
            scope.reschedule(scope.when()! + 250);
            await forever(signal);
          },
          { clock, name: 'weather' },
        ),
      );
      let failed: unknown;
      void error.then((reason) => {
        failed = reason;
      });
      await clock.advance(1_249);
      expect(failed).toBeUndefined();
      await clock.advance(1);
      expect(await error).toMatchObject({ message: 'Task "weather" passed its deadline after 1250 ms.' });
    },
  );

  it('says that it expired, and cannot be moved then or after the end', async () => {
    const clock = manualClock();
    let scope: TimeoutScope | undefined;
    let whileExpiring: unknown;
    const timed = timeout(
      50,
      async (signal, own) => {
        scope = own;
        await forever(signal).catch(() => {
          try {
            own.reschedule(null);
          } catch (error) {
            whileExpiring = error;
          }
        });
      },
      { clock },
    );
    await clock.advance(50);
    await timed;
    expect(scope!.expired()).toBe(true);
    expect(whileExpiring).toMatchObject({ code: 'invalid_state' });

    const quick = timeout(50, (_signal, own) => own, { clock });
    const ended = await quick;
    expect(ended.expired()).toBe(false);
    expect(() => ended.reschedule(null)).toThrow(expect.objectContaining({ code: 'invalid_state' }));
  });

  it('nests: the deadline that passes first is the one that is thrown', async () => {
    const clock = manualClock();
    const outer = timeout(20, (signal) => timeout(1_000, forever, { signal, name: 'inner' }), {
      clock,
      name: 'outer',
    });
    const error = caught(outer);
    await clock.advance(20);
    expect(await error).toMatchObject({ name: 'TimeoutError', message: expect.stringContaining('"outer"') });
    expect(clock.pending).toBe(0);
  });

  it('is cancelled from outside with a CancelledError, also while it expires', async () => {
    const clock = manualClock();
    const early = timeout(50, forever, { clock });
    const expiring = timeout(
      50,
      async (signal) => {
        await forever(signal).catch(() => {});
        await sleep(10, { clock });
        signal.throwIfAborted();
      },
      { clock },
    );
    const errors = [caught(early), caught(expiring)];
    await turn();
    early.cancel();
    await clock.advance(50);
    expiring.cancel();
    await clock.advance(10);
    expect(await Promise.all(errors)).toEqual([expect.any(CancelledError), expect.any(CancelledError)]);
  });

  it('leaves no timer when it was cancelled before it began', async () => {
    const clock = manualClock();
    const timed = timeout(50, forever, { clock });
    timed.cancel();
    await expect(timed).rejects.toThrow(CancelledError);
    expect(clock.pending).toBe(0);
  });

  it('refuses NaN', () => {
    expect(() => timeout(Number.NaN, () => {})).toThrow(RangeError);
    expect(() => timeoutAt(Number.NaN, () => {})).toThrow(RangeError);
  });
});

describe('sleep', () => {
  it('resolves after its delay with its result', async () => {
    const clock = manualClock();
    let woken: string | undefined;
    sleep(100, { clock, result: 'morning' }).then((result) => {
      woken = result;
    });
    await clock.advance(99);
    expect(woken).toBeUndefined();
    await clock.advance(1);
    expect(woken).toBe('morning');
  });

  it('lets others run first with 0 and less', async () => {
    const order: string[] = [];
    const slept = sleep(-1).then(() => order.push('slept'));
    order.push('others');
    await slept;
    expect(order).toEqual(['others', 'slept']);
  });

  it('is over with a CancelledError when its signal is aborted, and leaves no timer', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const slept = sleep(100, { clock, signal: controller.signal });
    controller.abort();
    await expect(slept).rejects.toThrow(CancelledError);
    await expect(sleep(100, { clock, signal: controller.signal })).rejects.toThrow(CancelledError);
    expect(clock.pending).toBe(0);
  });

  it('takes the time of the task whose signal it is given', async () => {
    const clock = manualClock();
    const task = run((signal) => sleep(60_000, { signal, result: 'slept' }), { clock });
    await clock.advance(60_000);
    expect(await task).toBe('slept');
  });

  it('sleeps longer than a timer of the runtime can, and forever without one', async () => {
    const clock = manualClock();
    const days = 86_400_000;
    const delays: number[] = [];
    const noting = {
      ...clock,
      after: (delay: number, fire: () => void) => {
        delays.push(delay);
        return clock.after(delay, fire);
      },
    };
    let awake = false;
    sleep(60 * days, { clock: noting }).then(() => {
      awake = true;
    });
    await clock.advance(60 * days - 1);
    expect(awake).toBe(false);
    await clock.advance(1);
    expect(awake).toBe(true);
    expect(Math.max(...delays)).toBe(2 ** 31 - 1);
    sleep(Number.POSITIVE_INFINITY, { clock });
    expect(clock.pending).toBe(0);
  });

  it('refuses NaN', () => {
    expect(() => sleep(Number.NaN)).toThrow(RangeError);
  });

  it('takes real time by default', async () => {
    const started = systemClock.now();
    await sleep(5);
    expect(systemClock.now()).toBeGreaterThan(started);
  });
});
