import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asCompleted,
  createTask,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  firstCompleted,
  gather,
  liveTasks,
  type ManualClock,
  manualClock,
  run,
  shield,
  sleep,
  TaskGroup,
  timeout,
  type Work,
  wait,
} from '../../server/async/index.js';
import { unhandledRejections } from '../support/unhandled-rejections.js';

/** A random program: leaves that take time and end in one way or another, under operations that combine them. */
type Program =
  | { kind: 'leaf'; delay: number; ends: 'value' | 'error' | 'cancelled' | 'stubborn'; cleanUp: number }
  | { kind: 'forgotten' | 'shield'; of: Program }
  | { kind: 'timeout'; delay: number; of: Program }
  | { kind: 'asCompleted'; take: number; timeout: number; of: Program[] }
  | {
      kind: 'wait';
      returnWhen: typeof FIRST_COMPLETED | typeof FIRST_EXCEPTION;
      timeout: number;
      of: Program[];
    }
  | { kind: 'gather' | 'gatherAll' | 'firstCompleted' | 'group'; of: Program[] };

const delay = fc.nat({ max: 20 });
const { program } = fc.letrec<{ program: Program; several: Program[] }>((tie) => ({
  several: fc.array(tie('program'), { minLength: 1, maxLength: 4 }),
  program: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'program' },
    fc.record({
      kind: fc.constant('leaf' as const),
      delay,
      ends: fc.constantFrom('value', 'value', 'error', 'cancelled', 'stubborn'),
      cleanUp: fc.nat({ max: 3 }),
    }),
    fc.record({ kind: fc.constantFrom('forgotten', 'shield'), of: tie('program') }),
    fc.record({ kind: fc.constant('timeout' as const), delay, of: tie('program') }),
    fc.record({
      kind: fc.constant('asCompleted' as const),
      take: fc.nat({ max: 3 }),
      timeout: delay,
      of: tie('several'),
    }),
    fc.record({
      kind: fc.constant('wait' as const),
      returnWhen: fc.constantFrom(FIRST_COMPLETED, FIRST_EXCEPTION),
      timeout: delay,
      of: tie('several'),
    }),
    fc.record({
      kind: fc.constantFrom('gather', 'gatherAll', 'firstCompleted', 'group'),
      of: tie('several'),
    }),
  ),
}));

/** What runs directly under an operation, and what was found running when it must not. */
interface Running {
  works: number;
  readonly clock: ManualClock;
  readonly violations: string[];
}

/** Makes a program's operation and notes, when it has ended, if something below it still runs. */
function workOf(program: Program, outer: Running): Work<unknown> {
  return async (signal) => {
    const inner: Running = { ...outer, works: 0 };
    outer.works++;
    try {
      return await operation(program, signal, inner);
    } finally {
      outer.works--;
      if (inner.works > 0 && !leavesToOwner(program)) outer.violations.push(program.kind);
    }
  };
}

/** A wait's pending, a forgotten and a shielded task end with their owner, not with the operation. */
const leavesToOwner = ({ kind }: Program) => kind === 'wait' || kind === 'forgotten' || kind === 'shield';

async function operation(program: Program, signal: AbortSignal, inner: Running): Promise<unknown> {
  switch (program.kind) {
    case 'leaf':
      return leaf(program, signal, inner.clock);
    case 'forgotten':
      createTask(workOf(program.of, inner), { signal });
      return sleep(3, { signal });
    case 'shield':
      return shield(workOf(program.of, inner), { signal });
    case 'timeout':
      return timeout(program.delay, workOf(program.of, inner), { signal });
    case 'gather':
    case 'gatherAll': {
      const works = program.of.map((part) => workOf(part, inner));
      return program.kind === 'gather'
        ? gather(works, { signal })
        : gather(works, { signal, returnExceptions: true });
    }
    case 'firstCompleted':
      return firstCompleted(
        program.of.map((part) => workOf(part, inner)),
        { signal },
      );
    case 'group':
      return TaskGroup.run(
        (group) => {
          for (const part of program.of) group.createTask(workOf(part, inner));
        },
        { signal },
      );
    case 'wait': {
      const tasks = program.of.map((part) => createTask(workOf(part, inner), { signal }));
      return wait(tasks, { ...program, signal });
    }
    case 'asCompleted': {
      let left = program.take;
      const works = program.of.map((part) => workOf(part, inner));
      for await (const task of asCompleted(works, { signal, timeout: program.timeout })) {
        if (left-- === 0) break;
        await task;
      }
    }
  }
}

async function leaf(
  { delay, ends, cleanUp }: Extract<Program, { kind: 'leaf' }>,
  signal: AbortSignal,
  clock: ManualClock,
) {
  try {
    await sleep(delay, { signal });
    if (ends === 'error') throw new Error('leaf');
    if (ends === 'cancelled') throw Object.assign(new Error('aborted'), { name: 'AbortError' });
    return 'value';
  } catch (error) {
    await sleep(cleanUp, { clock });
    if (ends === 'stubborn') return 'stubborn';
    throw error;
  }
}

describe('any program', () => {
  it('ends with nothing left running, no timer, and no unhandled rejection, cancelled or not', async () => {
    const before = liveTasks().length;
    await fc.assert(
      fc.asyncProperty(program, fc.option(fc.nat({ max: 40 })), async (tree, cancelAt) => {
        const clock = manualClock();
        const running: Running = { works: 0, clock, violations: [] };
        const reasons = await unhandledRejections(async () => {
          const root = run(workOf(tree, running), { clock });
          let atEnd: unknown;
          const ended = Promise.resolve(root)
            .catch(() => {})
            .then(() => {
              atEnd = [liveTasks().length - before, clock.pending, running.works];
            });
          if (cancelAt !== null) {
            await clock.advance(cancelAt);
            root.cancel();
          }
          await clock.advance(500);
          await ended;
          expect(atEnd).toEqual([0, 0, 0]);
        });
        expect([reasons, running.violations]).toEqual([[], []]);
      }),
      { numRuns: 400 },
    );
  });
});
