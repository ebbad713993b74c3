import { getEventListeners } from 'node:events';
import { setTimeout as nodeSleep, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  createTask,
  ExceptionGroup,
  gather,
  liveTasks,
  manualClock,
  run,
  sleep,
  type Task,
  TaskGroup,
} from '../../server/async/index.js';
import { forever } from '../support/async-works.js';
import { settableClock } from '../support/settable-clock.js';
import { unhandledRejections } from '../support/unhandled-rejections.js';

describe('a task', () => {
  it('begins after the code that started it, in the order of starting', async () => {
    const order: string[] = [];
    await run(async (signal) => {
      const first = createTask(() => void order.push('first'), { signal });
      const second = createTask(() => void order.push('second'), { signal });
      order.push('caller');
      await first;
      await second;
    });
    expect(order).toEqual(['caller', 'first', 'second']);
  });

  it('gives the value of its work to everybody who awaits it, as often as they like', async () => {
    const task = run(() => 'value');
    expect([await task, await task, task.state, task.result()]).toEqual(['value', 'value', 'done', 'value']);
  });

  it('throws the error of its work at everybody who awaits it', async () => {
    const task = run(() => {
      throw new Error('broken');
    });
    await expect(task).rejects.toThrow('broken');
    await expect(task).rejects.toThrow('broken');
    expect(task.state).toBe('failed');
    expect(task.exception()).toBeInstanceOf(Error);
    expect(() => task.result()).toThrow('broken');
  });

  it('has no result while it is pending', async () => {
    const task = run(forever);
    expect(() => task.result()).toThrow(expect.objectContaining({ code: 'invalid_state' }));
    expect(() => task.exception()).toThrow(expect.objectContaining({ code: 'invalid_state' }));
    task.cancel();
    await expect(task).rejects.toThrow(CancelledError);
    expect(() => task.result()).toThrow(CancelledError);
    expect(() => task.exception()).toThrow(CancelledError);
  });

  it('never begins when it was cancelled before its turn', async () => {
    let begun = false;
    const task = run(() => {
      begun = true;
    });
    expect(task.cancel()).toBe(true);
    await expect(task).rejects.toThrow(CancelledError);
    expect([begun, task.state]).toEqual([false, 'cancelled']);
  });

  it('is cancelled through its signal, with the message that was given', async () => {
    const task = run(forever);
    await turn();
    expect(task.cancel('enough')).toBe(true);
    expect(task.cancelling).toBe(true);
    expect(task.state).toBe('pending');
    await expect(task).rejects.toThrow('enough');
    expect(task.state).toBe('cancelled');
  });

  it('gives the reason of a cancellation as its cause', async () => {
    const reason = new Error('why');
    const task = run(forever);
    task.cancel(reason);
    await expect(task).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  });

  it('answers false to a cancellation that comes after its end', async () => {
    const task = run(() => 1);
    await task;
    expect(task.cancel()).toBe(false);
    expect(task.state).toBe('done');
  });

  it('may clean up before a cancellation ends it', async () => {
    const clock = manualClock();
    const steps: string[] = [];
    const task = run(
      async (signal) => {
        try {
          await forever(signal);
        } finally {
          await sleep(50, { clock });
          steps.push('cleaned up');
        }
      },
      { clock },
    );
    await turn();
    task.cancel();
    await turn();
    expect([task.state, steps]).toEqual(['pending', []]);
    await clock.advance(50);
    expect([task.state, steps]).toEqual(['cancelled', ['cleaned up']]);
  });

  it('is done when its work swallows the cancellation and gives a value', async () => {
    const task = run(async (signal) => {
      await forever(signal).catch(() => {});
      return 'kept';
    });
    await turn();
    task.cancel();
    expect(await task).toBe('kept');
    expect(task.state).toBe('done');
  });

  it('is failed when its work answers the cancellation with another error', async () => {
    const task = run(async (signal) => {
      await forever(signal).catch(() => {
        throw new Error('clean-up broke');
      });
    });
    await turn();
    task.cancel();
    await expect(task).rejects.toThrow('clean-up broke');
    expect(task.state).toBe('failed');
  });

  it('is cancelled when its work throws a CancelledError by itself', async () => {
    const task = run(() => {
      throw new CancelledError('on my own');
    });
    await expect(task).rejects.toThrow('on my own');
    expect(task.state).toBe('cancelled');
  });

  it('takes the abort errors of Node and the platform for its cancellation', async () => {
    const task = run((signal) => nodeSleep(60_000, undefined, { signal }));
    await turn();
    task.cancel('stop');
    await expect(task).rejects.toThrow('stop');
    expect(task.state).toBe('cancelled');
  });

  it('has a name, an owner, an age and a state, and is listed while it lives', async () => {
    const clock = manualClock();
    const before = liveTasks().length;
    let child: Task<void> | undefined;
    const root = run(
      async function refresh(signal) {
        child = createTask(forever, { signal, name: 'fetch' });
        await child;
      },
      { clock },
    );
    await clock.advance(250);
    expect(liveTasks().slice(before)).toEqual([root, child]);
    expect([root.name, child!.name, child!.owner, child!.age, child!.state]).toEqual([
      'refresh',
      'fetch',
      root,
      250,
      'pending',
    ]);
    root.cancel();
    await expect(root).rejects.toThrow(CancelledError);
    await clock.advance(1_000);
    expect([liveTasks().length, child!.age]).toEqual([before, 250]);
  });

  it('is as old as it is, whatever the time of day is set to', async () => {
    const clock = settableClock();
    const task = run(forever, { clock });
    const startedAt = clock.now();
    await clock.advance(100);
    clock.setBack(3_600_000);
    await clock.advance(150);
    expect([task.age, task.startedAt]).toEqual([250, startedAt]);
    task.cancel();
    await expect(task).rejects.toThrow(CancelledError);
    clock.setForth(3_600_000);
    expect(task.age).toBe(250);
  });
});

describe('an owner', () => {
  it('cancels and awaits what it started before it ends', async () => {
    const clock = manualClock();
    let ended = false;
    const owner = run(
      async (signal) => {
        createTask(
          async (own) => {
            await forever(own).catch(() => {});
            await sleep(20, { clock });
            ended = true;
          },
          { signal },
        );
        await sleep(5, { signal });
        return 'value';
      },
      { clock },
    );
    await clock.advance(5);
    expect(owner.state).toBe('pending');
    await clock.advance(20);
    expect([await owner, ended]).toEqual(['value', true]);
  });

  it('hands its cancellation down to all below it', async () => {
    const states: string[] = [];
    const note = (name: string) => async (signal: AbortSignal) => {
      await forever(signal).catch((error: CancelledError) => {
        states.push(`${name}: ${error.message}`);
        throw error;
      });
    };
    const root = run((signal) =>
      gather([(s) => gather([note('grandchild')], { signal: s }), note('child')], { signal }),
    );
    await turn();
    root.cancel('closing');
    await expect(root).rejects.toThrow('closing');
    expect(states.sort()).toEqual(['child: closing', 'grandchild: closing']);
  });

  it('fails at its end with what its forgotten tasks threw', async () => {
    const owner = run(async (signal) => {
      createTask(() => Promise.reject(new Error('forgotten')), { signal });
      await turn();
    });
    const error = await Promise.resolve(owner).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).errors).toEqual([new Error('forgotten')]);
  });

  it('does not fail for a task whose error somebody has looked at', async () => {
    const owner = run(async (signal) => {
      const child = createTask(() => Promise.reject(new Error('seen')), { signal });
      await turn();
      return String(child.exception());
    });
    expect(await owner).toBe('Error: seen');
  });

  it('starts nothing once its work has ended', async () => {
    let leaked: AbortSignal | undefined;
    await run((signal) => {
      leaked = signal;
    });
    expect(() => createTask(() => {}, { signal: leaked! })).toThrow(
      expect.objectContaining({ code: 'owner_ended' }),
    );
    expect(() => gather([], { signal: leaked! })).toThrow(expect.objectContaining({ code: 'owner_ended' }));
  });

  it('is needed by createTask', () => {
    expect(() => createTask(() => {}, { signal: new AbortController().signal })).toThrow(
      expect.objectContaining({ code: 'no_owner' }),
    );
  });

  it('leaves the signal of work that ended well as it is, so that a value that hangs on it lives on', async () => {
    let seen: AbortSignal | undefined;
    await run((signal) => {
      seen = signal;
    });
    expect(seen!.aborted).toBe(false);
  });

  it('takes the timers of its work with it', async () => {
    const clock = manualClock();
    await run((signal) => void sleep(60_000, { signal }), { clock });
    expect(clock.pending).toBe(0);
  });
});

describe('a signal from elsewhere', () => {
  it('cancels a task without being its owner', async () => {
    const controller = new AbortController();
    const task = run(forever, { signal: controller.signal });
    expect(task.owner).toBeUndefined();
    await turn();
    controller.abort('shutting down');
    await expect(task).rejects.toThrow('shutting down');
  });

  it('lets nothing begin when it is aborted already', async () => {
    let begun = false;
    const task = run(
      () => {
        begun = true;
      },
      { signal: AbortSignal.abort() },
    );
    await expect(task).rejects.toThrow(CancelledError);
    expect(begun).toBe(false);
  });

  it('carries one listener for any number of waiting parties, and none when they are through', async () => {
    const { signal } = new AbortController();
    const clock = manualClock();
    const sleeps = Array.from({ length: 50 }, (_, index) => sleep(index, { signal, clock }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await clock.advance(50);
    await Promise.all(sleeps);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('a failure that nobody awaits', () => {
  it('is reported by the runtime where no owner can take it', async () => {
    const reasons = await unhandledRejections(async () => {
      run(() => Promise.reject(new Error('nobody listens')));
      await turn();
    });
    expect(reasons).toEqual([new Error('nobody listens')]);
  });

  it('is not reported where an owner takes it, or where it is a cancellation', async () => {
    const reasons = await unhandledRejections(async () => {
      const owner = run((signal) => {
        createTask(() => Promise.reject(new Error('for the owner')), { signal });
        gather([() => Promise.reject(new Error('for the owner, too'))], { signal });
        void sleep(1_000, { signal });
        return turn();
      });
      run(forever).cancel();
      await expect(owner).rejects.toThrow('for the owner; for the owner, too');
      await using group = new TaskGroup();
      group.createTask(() => Promise.reject(new Error('for the group')));
      await turn();
      await expect(group.join()).rejects.toThrow('for the group');
    });
    expect(reasons).toEqual([]);
  });
});
