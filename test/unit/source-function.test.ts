import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { functionSource, type SourceFunction } from '../../server/source/function.js';
import type { FetchContext } from '../../server/source/source.js';
import { equal } from '../../shared/equal.js';
import { deepFreeze, json, nested } from '../support/json-arbitrary.js';

const context = (options: Partial<FetchContext> = {}): FetchContext => ({
  signal: new AbortController().signal,
  previous: undefined,
  ...options,
});

const PLACE = { topic: 'weather/oslo', parameters: { city: 'oslo' } };
const sourceOf = (run: SourceFunction) => functionSource(run, PLACE);

describe('a function source', () => {
  it('says which topic is wanted, and what its parameters stand for', async () => {
    const source = sourceOf(({ topic, parameters }) => [topic, parameters.city]);
    expect(await source.fetch(context())).toEqual({ kind: 'value', value: ['weather/oslo', 'oslo'] });
  });

  it('hands over the signal and what the topic holds, and gives what the function returns', async () => {
    const source = sourceOf(async ({ signal, previous }) => [signal.aborted, previous ?? null]);
    expect(await source.fetch(context({ previous: 7 }))).toEqual({ kind: 'value', value: [false, 7] });
  });

  it('may be synchronous, and may throw', async () => {
    expect(await sourceOf(() => 1).fetch(context())).toEqual({ kind: 'value', value: 1 });
    const failing = sourceOf(() => {
      throw new RangeError('no');
    });
    await expect(failing.fetch(context())).rejects.toThrow(RangeError);
  });

  it('says unchanged when the function returns what the topic holds', async () => {
    const previous = deepFreeze({ a: 1 });
    expect(await sourceOf((c) => c.previous).fetch(context({ previous }))).toEqual({
      kind: 'unchanged',
    });
  });

  it('lends nothing that the topic holds: who changes `previous` changes a copy, and brings a value', async () => {
    const previous = deepFreeze({ log: [1] });
    const source = sourceOf((c) => {
      const log = c.previous as { log: number[] };
      log.log.push(2);
      return log;
    });
    expect(await source.fetch(context({ previous }))).toEqual({ kind: 'value', value: { log: [1, 2] } });
    expect(previous).toEqual({ log: [1] });
  });

  it('gives a copy, so that the function may go on with its own', async () => {
    const counter = { count: { of: [1] } };
    const fetched = await sourceOf(() => counter).fetch(context());
    counter.count.of.push(2);
    expect(fetched).toEqual({ kind: 'value', value: { count: { of: [1] } } });
  });

  it('is over when the signal aborts, whatever the function does', async () => {
    const controller = new AbortController();
    let finish: (value: unknown) => void = () => {};
    const fetched = sourceOf(() => new Promise((resolve) => (finish = resolve))).fetch(
      context({ signal: controller.signal }),
    );
    controller.abort(new Error('time is up'));
    await expect(fetched).rejects.toThrow('time is up');
    finish({ late: true });
  });

  it('drops the late failure of a function that was given up, without an unhandled rejection', async () => {
    const controller = new AbortController();
    let fail: (error: unknown) => void = () => {};
    const fetched = sourceOf(() => new Promise((_, reject) => (fail = reject))).fetch(
      context({ signal: controller.signal }),
    );
    controller.abort(new Error('time is up'));
    await expect(fetched).rejects.toThrow('time is up');
    fail(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  const cycle: { list: unknown[] } = { list: [] };
  cycle.list.push({ back: cycle });
  const cases: [value: unknown, says: string][] = [
    [undefined, 'gave undefined, which is no JSON'],
    [() => 1, 'gave a function, which'],
    [{ a: [1, { b: 2n }] }, 'gave a bigint at /a/1/b, which'],
    [{ a: [1, 2, { 'x/y': undefined }] }, 'gave undefined at /a/2/x~1y, which'],
    [[0, Number.NaN], 'gave NaN at /1, which'],
    [{ a: Number.NEGATIVE_INFINITY }, 'gave -Infinity at /a, which'],
    [{ when: new Date(0) }, 'gave a Date at /when, which'],
    [{ map: new Map() }, 'gave a Map at /map, which'],
    [{ s: Symbol('x') }, 'gave a symbol at /s, which'],
    // biome-ignore lint/suspicious/noSparseArray: the hole is the point
    [[1, , 2], 'gave undefined at /1, which'],
    [cycle, 'gave a reference to what it lies in at /list/0/back, which'],
    [nested(300, 1), 'gave nesting deeper than 256 levels at /0/0/0'],
  ];
  it.each(cases)('refuses %o and says where it stands', async (value, says) => {
    const source = sourceOf(function prices() {
      return value;
    });
    await expect(source.fetch(context())).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringContaining(`the function prices ${says}`),
    });
  });

  it('takes the same object twice where that is no cycle, and objects without a prototype', async () => {
    const shared = Object.assign(Object.create(null), { x: 1 });
    expect(await sourceOf(() => [shared, shared]).fetch(context())).toEqual({
      kind: 'value',
      value: [{ x: 1 }, { x: 1 }],
    });
  });

  it('takes any JSON as it is', async () => {
    await fc.assert(
      fc.asyncProperty(json(), async (value) => {
        const fetched = await sourceOf(() => deepFreeze(value)).fetch(context());
        expect(fetched.kind === 'value' && equal(fetched.value, value)).toBe(true);
      }),
    );
  });
});
