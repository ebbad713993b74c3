import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  ExceptionGroup,
  liveTasks,
  manualClock,
  run,
  sleep,
  type Task,
  TaskGroup,
} from '../../server/async/index.js';
import { forever } from '../support/async-works.js';
import { unhandledRejections } from '../support/unhandled-rejections.js';

const caught = (work: PromiseLike<unknown>) => Promise.resolve(work).catch((error: unknown) => error);

describe('a TaskGroup', () => {
  it('gives the value of its body when all of its tasks have ended', async () => {
    const clock = manualClock();
    const order: string[] = [];
    const group = TaskGroup.run(
      (tasks) => {
        tasks.createTask((signal) => sleep(20, { signal }).then(() => order.push('slow')));
        tasks.createTask((signal) => sleep(10, { signal }).then(() => order.push('quick')));
        order.push('body');
        return 'value';
      },
      { clock },
    );
    await clock.advance(20);
    expect(await group).toBe('value');
    expect(order).toEqual(['body', 'quick', 'slow']);
  });

  it('gives the values of its tasks through the tasks', async () => {
    const [one, two] = await TaskGroup.run((tasks) => [
      tasks.createTask(() => 1),
      tasks.createTask(async () => 2),
    ]);
    expect([one!.result(), two!.result()]).toEqual([1, 2]);
  });

  it('cancels the other tasks and the body at the first failure, and throws an ExceptionGroup', async () => {
    const ended: string[] = [];
    const error = await caught(
      TaskGroup.run(async (tasks) => {
        tasks.createTask((signal) => forever(signal).finally(() => ended.push('sibling')));
        tasks.createTask(() => Promise.reject(new Error('broken')), { name: 'bad' });
        await forever(tasks.signal).finally(() => ended.push('body'));
      }),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).errors).toEqual([new Error('broken')]);
    expect(ended.sort()).toEqual(['body', 'sibling']);
  });

  it('collects the errors that tasks throw while they are being cancelled', async () => {
    const error = await caught(
      TaskGroup.run((tasks) => {
        tasks.createTask((signal) =>
          forever(signal).catch(() => {
            throw new Error('in clean-up');
          }),
        );
        tasks.createTask(() => Promise.reject(new Error('first')));
      }),
    );
    expect((error as ExceptionGroup).errors).toEqual([new Error('first'), new Error('in clean-up')]);
  });

  it('cancels its tasks when its body throws, and puts that error into the group', async () => {
    let sibling: Task<void> | undefined;
    const error = await caught(
      TaskGroup.run((tasks) => {
        sibling = tasks.createTask(forever);
        throw new Error('body');
      }),
    );
    expect((error as ExceptionGroup).errors).toEqual([new Error('body')]);
    expect(sibling!.state).toBe('cancelled');
  });

  it('is not disturbed by the cancellation of one of its tasks', async () => {
    const states = await TaskGroup.run(async (tasks) => {
      const one = tasks.createTask(forever);
      const other = tasks.createTask(async (signal) => {
        await sleep(0, { signal });
        return 'fine';
      });
      await turn();
      one.cancel();
      await other;
      return [one, other];
    });
    expect(states.map((task) => task.state)).toEqual(['cancelled', 'done']);
  });

  it('takes more tasks while it waits for its last ones', async () => {
    const order: string[] = [];
    await TaskGroup.run((tasks) => {
      tasks.createTask(async () => {
        await turn();
        order.push('first');
        tasks.createTask(async () => void order.push('added'));
      });
    });
    expect(order).toEqual(['first', 'added']);
  });

  it('starts nothing while it is being cancelled', async () => {
    const error = await caught(
      TaskGroup.run((tasks) => {
        tasks.createTask((signal) => forever(signal).catch(() => tasks.createTask(() => {})));
        tasks.createTask(() => Promise.reject(new Error('broken')));
      }),
    );
    expect((error as ExceptionGroup).errors).toEqual([
      new Error('broken'),
      expect.objectContaining({
        code: 'owner_ended',
        message: expect.stringContaining('is being cancelled'),
      }),
    ]);
  });

  it('starts nothing once it has ended', async () => {
    let leaked: TaskGroup | undefined;
    await TaskGroup.run((tasks) => {
      leaked = tasks;
    });
    expect(() => leaked!.createTask(() => {})).toThrow(
      expect.objectContaining({ code: 'owner_ended', message: expect.stringContaining('has ended') }),
    );
  });

  it('is cancelled from outside with all of its tasks', async () => {
    const ended: string[] = [];
    const group = TaskGroup.run(async (tasks) => {
      tasks.createTask((signal) => forever(signal).finally(() => ended.push('task')));
      await forever(tasks.signal).finally(() => ended.push('body'));
    });
    await turn();
    group.cancel('closing');
    await expect(group).rejects.toThrow('closing');
    expect([ended.sort(), group.state]).toEqual([['body', 'task'], 'cancelled']);
  });

  it('throws the errors of clean-up rather than the cancellation from outside', async () => {
    const group = TaskGroup.run((tasks) => {
      tasks.createTask((signal) =>
        forever(signal).catch(() => {
          throw new Error('clean-up broke');
        }),
      );
    });
    await turn();
    group.cancel();
    const error = await caught(group);
    expect((error as ExceptionGroup).errors).toEqual([new Error('clean-up broke')]);
  });

  it('nests: the group of an inner one is an error of the outer one', async () => {
    const error = await caught(
      TaskGroup.run((outer) => {
        outer.createTask(forever);
        outer.createTask((signal) =>
          TaskGroup.run((inner) => void inner.createTask(() => Promise.reject(new Error('deep'))), {
            signal,
          }),
        );
      }),
    );
    const [inner] = (error as ExceptionGroup).errors;
    expect(inner).toBeInstanceOf(ExceptionGroup);
    expect((inner as ExceptionGroup).errors).toEqual([new Error('deep')]);
  });

  it('lets a body catch the error of a task and still fails as a whole', async () => {
    const group = TaskGroup.run(async (tasks) => {
      await tasks.createTask(() => Promise.reject(new Error('caught'))).then(undefined, () => {});
    });
    await expect(group).rejects.toThrow('caught');
  });

  it('is the owner of its tasks, and has the task of its signal for owner', async () => {
    await run(
      async (signal) => {
        let task: Task<void> | undefined;
        const group = TaskGroup.run(
          (tasks) => {
            task = tasks.createTask(() => {});
          },
          { signal, name: 'fetches' },
        );
        await group;
        expect(task!.owner).toBe(group);
        expect([group.name, group.owner?.name]).toEqual(['fetches', 'root']);
      },
      { name: 'root' },
    );
  });
});

describe('a TaskGroup held with await using', () => {
  it('waits for its tasks at join', async () => {
    const clock = manualClock();
    const order: string[] = [];
    const block = (async () => {
      await using group = new TaskGroup({ clock });
      group.createTask((signal) => sleep(10, { signal }).then(() => order.push('task')));
      await group.join();
      order.push('joined');
    })();
    await clock.advance(10);
    await block;
    expect(order).toEqual(['task', 'joined']);
  });

  it('cancels and awaits what still runs when the block is left', async () => {
    const before = liveTasks().length;
    const order: string[] = [];
    {
      await using group = new TaskGroup();
      group.createTask((signal) => forever(signal).finally(() => order.push('task ended')));
      await turn();
      order.push('leaving');
    }
    expect(order).toEqual(['leaving', 'task ended']);
    expect(liveTasks()).toHaveLength(before);
  });

  it('throws the error of the block as it is, where no task failed', async () => {
    const block = async () => {
      await using group = new TaskGroup();
      group.createTask(forever);
      throw new Error('block');
    };
    await expect(block()).rejects.toThrow(/^block$/);
  });

  it('throws what failed once: at join, or else where the block is left', async () => {
    const withJoin = async () => {
      await using group = new TaskGroup();
      group.createTask(() => Promise.reject(new Error('broken')));
      await group.join();
    };
    const withoutJoin = async () => {
      await using group = new TaskGroup();
      group.createTask(() => Promise.reject(new Error('broken')));
      await turn();
    };
    expect(await caught(withJoin())).toMatchObject({ name: 'ExceptionGroup', errors: [new Error('broken')] });
    expect(await caught(withoutJoin())).toMatchObject({
      name: 'ExceptionGroup',
      errors: [new Error('broken')],
    });
  });

  it('ends with its owner, though nobody closed it', async () => {
    const reasons = await unhandledRejections(async () => {
      const owner = run(async (signal) => {
        const group = new TaskGroup({ signal });
        group.createTask(forever);
        await turn();
      });
      await owner;
    });
    expect(reasons).toEqual([]);
  });

  it('is cancelled by a signal from elsewhere, and says so at join', async () => {
    const controller = new AbortController();
    await using group = new TaskGroup({ signal: controller.signal });
    const task = group.createTask(forever);
    await turn();
    controller.abort();
    await expect(group.join()).rejects.toThrow(CancelledError);
    expect(task.state).toBe('cancelled');
  });
});
