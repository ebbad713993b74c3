import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { threadId } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CancelledError,
  ExceptionGroup,
  Executor,
  gather,
  liveTasks,
  run,
  runInExecutor,
} from '../../server/async/index.js';

const MODULE = `
import { threadId } from 'node:worker_threads';
let calls = 0;
export default (name) => 'hello ' + name;
export const where = () => ({ thread: threadId, calls: ++calls });
export const number = 1;
export async function fail(code) {
  throw Object.assign(new RangeError('out of range'), { code });
}
export const dieLater = () => {
  setImmediate(() => { throw new Error('left running'); });
  return threadId;
};
`;

let directory: string;
let module: URL;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-executor-'));
  const file = join(directory, 'work.mjs');
  await writeFile(file, MODULE);
  module = pathToFileURL(file);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Holds its thread until the first number of the shared buffer is no longer 0. */
function block(shared: SharedArrayBuffer) {
  const cell = new Int32Array(shared);
  Atomics.store(cell, 1, 1);
  Atomics.notify(cell, 1);
  Atomics.wait(cell, 0, 0);
  return Atomics.load(cell, 0);
}
/** Resolves when `block` runs with this buffer. */
async function blocking(shared: SharedArrayBuffer) {
  while (Atomics.load(new Int32Array(shared), 1) === 0) await turn();
}
function unblock(shared: SharedArrayBuffer) {
  const cell = new Int32Array(shared);
  Atomics.store(cell, 0, 7);
  Atomics.notify(cell, 0);
}

describe('runInExecutor', () => {
  it('calls a function that stands by itself in another thread, with its arguments', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    const sum = await runInExecutor(executor, (a: number, b: number) => a + b, [1, 2]);
    expect(sum).toBe(3);
    expect(await runInExecutor(executor, async (text: string) => text.toUpperCase(), ['async'])).toBe(
      'ASYNC',
    );
  });

  it('calls an export of a module, the default one where none is named', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    expect(await runInExecutor(executor, { module }, ['world'])).toBe('hello world');
    const first = await runInExecutor<{ thread: number }>(executor, { module, export: 'where' }, []);
    expect(first.thread).not.toBe(threadId);
    expect(await runInExecutor(executor, { module: module.href, export: 'where' }, [])).toEqual({
      thread: first.thread,
      calls: 2,
    });
  });

  it('throws the error of the function with its name, message, stack and code', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    const failed = runInExecutor(executor, { module, export: 'fail' }, ['E_RANGE']);
    await expect(failed).rejects.toMatchObject({
      name: 'RangeError',
      message: 'out of range',
      code: 'E_RANGE',
      stack: expect.stringContaining('work.mjs'),
    });
  });

  it('says which export is no function, and which module is missing', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    await expect(runInExecutor(executor, { module, export: 'number' }, [])).rejects.toThrow('"number"');
    const missing = new URL('./missing.mjs', module);
    await expect(runInExecutor(executor, { module: missing }, [])).rejects.toThrow('missing.mjs');
  });

  it('fails with what cannot be cloned, on the way there and back, and keeps going', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    await expect(runInExecutor(executor, (_f: () => void) => 1, [() => {}])).rejects.toMatchObject({
      name: 'DataCloneError',
    });
    await expect(runInExecutor(executor, () => () => {}, [])).rejects.toMatchObject({
      name: 'DataCloneError',
    });
    expect(await runInExecutor(executor, () => 'fine', [])).toBe('fine');
  });

  it('does not hold the event loop', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    const shared = new SharedArrayBuffer(8);
    const call = runInExecutor(executor, block, [shared]);
    await blocking(shared);
    expect(call.state).toBe('pending');
    unblock(shared);
    expect(await call).toBe(7);
  });

  it('runs as many at a time as there are workers, the others in line', async () => {
    await using executor = new Executor({ maxWorkers: 2 });
    const buffers = [1, 2, 3].map(() => new SharedArrayBuffer(8));
    const calls = buffers.map((shared) => runInExecutor(executor, block, [shared]));
    await Promise.all([blocking(buffers[0]!), blocking(buffers[1]!)]);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(new Int32Array(buffers[2]!)[1]).toBe(0);
    unblock(buffers[0]!);
    await blocking(buffers[2]!);
    for (const shared of buffers) unblock(shared);
    expect(await Promise.all(calls)).toEqual([7, 7, 7]);
  });

  it('ends the thread when it is cancelled, and the next call gets a new one', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    const where = () => runInExecutor<{ thread: number }>(executor, { module, export: 'where' }, []);
    const before = await where();
    const shared = new SharedArrayBuffer(8);
    const call = runInExecutor(executor, block, [shared]);
    await blocking(shared);
    call.cancel('too slow');
    await expect(call).rejects.toThrow('too slow');
    expect((await where()).thread).not.toBe(before.thread);
  });

  it('gives up its place in line when it is cancelled there', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    const shared = new SharedArrayBuffer(8);
    const running = runInExecutor(executor, block, [shared]);
    await blocking(shared);
    const waiting = runInExecutor(executor, () => 'never', []);
    waiting.cancel();
    await expect(waiting).rejects.toThrow(CancelledError);
    unblock(shared);
    expect(await running).toBe(7);
  });

  it('fails with worker_lost when the thread dies, and the next call gets a new one', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    const exit = runInExecutor(executor, () => process.exit(3), []);
    await expect(exit).rejects.toMatchObject({
      code: 'worker_lost',
      message: expect.stringContaining('code 3'),
    });
    expect(await runInExecutor(executor, () => 'fine', [])).toBe('fine');
  });

  it('belongs to the task whose signal it is given, and is cancelled with it', async () => {
    await using executor = new Executor({ maxWorkers: 1 });
    const shared = new SharedArrayBuffer(8);
    const owner = run((signal) =>
      gather([(own) => runInExecutor(executor, block, [shared], { signal: own })], { signal }),
    );
    await blocking(shared);
    owner.cancel();
    await expect(owner).rejects.toThrow(CancelledError);
    expect(await runInExecutor(executor, () => 'fine', [])).toBe('fine');
  });
});

describe('an Executor', () => {
  it('takes nothing once it is closed, and close waits for the calls there are', async () => {
    const before = liveTasks().length;
    const executor = new Executor({ maxWorkers: 1 });
    const calls = [1, 2].map((value) => runInExecutor(executor, (number: number) => number, [value]));
    const closed = executor.close();
    expect(() => runInExecutor(executor, () => 1, [])).toThrow(
      expect.objectContaining({ code: 'executor_closed' }),
    );
    await closed;
    expect(calls.map((call) => call.result())).toEqual([1, 2]);
    await executor.close();
    expect(liveTasks()).toHaveLength(before);
  });

  it('cancels and awaits what still runs when its block is left', async () => {
    const shared = new SharedArrayBuffer(8);
    const run = async () => {
      await using executor = new Executor({ maxWorkers: 1 });
      const call = runInExecutor(executor, block, [shared]);
      await blocking(shared);
      return [call] as const;
    };
    const [call] = await run();
    expect(call.state).toBe('cancelled');
  });

  it('is closed by the task that owns it', async () => {
    const before = liveTasks().length;
    const executor = await run(async (signal) => {
      const owned = new Executor({ maxWorkers: 1, signal });
      expect(await runInExecutor(owned, () => 1, [], { signal })).toBe(1);
      return owned;
    });
    expect(() => runInExecutor(executor, () => 1, [])).toThrow(
      expect.objectContaining({ code: 'executor_closed' }),
    );
    expect(liveTasks()).toHaveLength(before);
  });

  it('throws at close what a call that nobody awaited threw', async () => {
    const executor = new Executor({ maxWorkers: 1 });
    runInExecutor(executor, { module, export: 'fail' }, []);
    const error = await executor.close().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).errors).toMatchObject([{ message: 'out of range' }]);
  });

  it('replaces a thread that died of what a call had left running', async () => {
    const executor = new Executor({ maxWorkers: 1 });
    const dieLater = runInExecutor<number>(executor, { module, export: 'dieLater' }, []);
    const where = () => runInExecutor<{ thread: number }>(executor, { module, export: 'where' }, []);
    // Its death may be heard of before its answer; or it answers once more, or dies while it is asked.
    const dying = await dieLater.then(undefined, () => undefined);
    let thread = dying;
    while (thread === dying)
      thread = await where().then(
        (at) => at.thread,
        () => dying,
      );
    await executor.close().catch((error: Error) => expect(error.message).toContain('left running'));
  });

  it('refuses a number of workers that is none', () => {
    expect(() => new Executor({ maxWorkers: 0 })).toThrow(RangeError);
  });
});
