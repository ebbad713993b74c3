import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  createTask,
  ExceptionGroup,
  firstCompleted,
  liveTasks,
  manualClock,
  run,
  sleep,
} from '../../server/async/index.js';
import { failAfter, valueAfter } from '../support/async-works.js';

describe('firstCompleted', () => {
  it('gives the first value, after the losers were cancelled and have ended', async () => {
    const clock = manualClock();
    const before = liveTasks().length;
    const steps: string[] = [];
    const loser = async (signal: AbortSignal) => {
      try {
        return await sleep(100, { signal, result: 'loser' });
      } finally {
        await sleep(7, { clock });
        steps.push('loser ended');
      }
    };
    const race = firstCompleted([loser, valueAfter(10, 'winner')], { clock });
    const won = Promise.resolve(race).then((value) => steps.push(value));
    await clock.advance(10);
    expect(steps).toEqual([]);
    await clock.advance(7);
    await won;
    expect(steps).toEqual(['loser ended', 'winner']);
    expect([liveTasks().length, clock.pending]).toEqual([before, 0]);
  });

  it('is not impressed by a failure that comes first', async () => {
    const clock = manualClock();
    const race = firstCompleted([failAfter(1, 'fast'), valueAfter(10, 'slow')], { clock });
    await clock.advance(10);
    expect(await race).toBe('slow');
  });

  it('throws all errors in the order of the works when all fail', async () => {
    const clock = manualClock();
    const race = firstCompleted([failAfter(20, 'a'), failAfter(10, 'b')], { clock });
    const caught = Promise.resolve(race).catch((error: unknown) => error);
    await clock.advance(20);
    const error = (await caught) as ExceptionGroup;
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.errors).toEqual([new Error('a'), new Error('b')]);
    expect(error.message).toBe('All 2 failed: a; b');
  });

  it('drops what a loser throws after the win', async () => {
    const loser = (signal: AbortSignal) =>
      sleep(60_000, { signal }).catch(() => {
        throw new Error('sore loser');
      });
    expect(await firstCompleted([loser, () => 'winner'])).toBe('winner');
  });

  it('cancels all when it is cancelled, and throws a CancelledError', async () => {
    const race = firstCompleted([valueAfter(60_000, 1), valueAfter(60_000, 2)]);
    await turn();
    race.cancel('enough');
    await expect(race).rejects.toThrow('enough');
    expect(race.state).toBe('cancelled');
  });

  it('counts a task that was cancelled alone as a failure', async () => {
    await run(async (signal) => {
      const one = createTask(valueAfter(60_000, 1), { signal });
      one.cancel();
      const race = firstCompleted([one], { signal });
      await expect(race).rejects.toMatchObject({ errors: [expect.any(CancelledError)] });
    });
  });

  it('does not touch the signal of the winner, so that what it gave lives on', async () => {
    let winners: AbortSignal | undefined;
    await firstCompleted([
      (signal) => {
        winners = signal;
        return 1;
      },
      valueAfter(60_000, 2),
    ]);
    expect(winners!.aborted).toBe(false);
  });

  it('refuses an empty list', () => {
    expect(() => firstCompleted([])).toThrow(RangeError);
  });
});
