import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createShape, type ShapeOptions } from '../../server/source/shape/shape.js';
import type { Json, JsonObject } from '../../shared/json.js';
import { escapeToken } from '../../shared/pointer.js';
import { json } from '../support/json-arbitrary.js';

const shape = async (options: ShapeOptions, value: Json) => createShape(options)!(value, 'a');

/** A value, and the way to one of its parts. */
const part: fc.Arbitrary<{ value: Json; path: string[]; at: Json }> = json()
  .chain((value) => fc.record({ value: fc.constant(value), turns: fc.array(fc.nat(20), { maxLength: 6 }) }))
  .map(({ value, turns }) => {
    const path: string[] = [];
    let at = value;
    for (const turn of turns) {
      const keys = typeof at === 'object' && at !== null ? Object.keys(at) : [];
      if (keys.length === 0) break;
      const key = keys[turn % keys.length]!;
      path.push(key);
      at = (at as JsonObject)[key]!;
    }
    return { value, path, at };
  })
  .filter(({ path }) => path.length > 0);

const records = fc.uniqueArray(
  fc.record({
    id: fc.oneof(fc.string(), fc.integer(), fc.constantFrom('__proto__', 'constructor', 'toString', '0')),
    n: json(),
  }),
  { selector: ({ id }) => String(id) },
);

describe('select by a JSON pointer', () => {
  it('gives what lies there, wherever that is, in both of its spellings', async () => {
    await fc.assert(
      fc.asyncProperty(part, async ({ value, path, at }) => {
        const pointer = path.map((token) => `/${escapeToken(token)}`).join('');
        expect(await shape({ select: pointer }, value)).toBe(at);
        const fragment = `#${path.map((token) => `/${encodeURIComponent(escapeToken(token))}`).join('')}`;
        expect(await shape({ select: fragment }, value)).toBe(at);
      }),
    );
  });

  it('fails where nothing lies, though null is something', async () => {
    expect(await shape({ select: '/a' }, { a: null })).toBeNull();
    await expect(shape({ select: '/a/0' }, { a: [] })).rejects.toMatchObject({
      code: 'source_failed',
      message: 'a answered nothing at /a/0',
    });
    await expect(shape({ select: '/toString' }, {})).rejects.toThrow('a answered nothing at /toString');
  });

  it('is refused when it is none', () => {
    expect(() => createShape({ select: '/~2' })).toThrow(TypeError);
  });
});

describe('select by a JSONata expression', () => {
  const trades = {
    list: [
      { s: 'a', p: 1 },
      { s: 'b', p: 2 },
      { s: 'a', p: 3 },
    ],
  };

  it.each<[string, Json]>([
    ['$sum(list.p)', 6],
    ['list[s = "a"].p', [1, 3]],
    ['list[p > 2]', { s: 'a', p: 3 }],
    ['list[p > 2][]', [{ s: 'a', p: 3 }]],
    ['list{s: $sum(p)}', { a: 4, b: 2 }],
    ['{ "n": $count(list), "all": list.p, "none": null }', { n: 3, all: [1, 2, 3], none: null }],
    ['$', trades],
  ])('%s makes plain JSON', async (select, expected) => {
    const made = await shape({ select }, trades);
    expect(made).toEqual(expected);
    if (Array.isArray(made)) expect(Object.keys(made)).toEqual(Object.keys([...made]));
  });

  it('may run many times at once', async () => {
    const select = createShape({ select: '$sum(list.(p * $$.factor))' })!;
    const made = await Promise.all([1, 2, 3].map((factor) => select({ ...trades, factor }, 'a')));
    expect(made).toEqual([6, 12, 18]);
  });

  it.each([
    ['nothing.here', 'a answered what select makes nothing of'],
    [
      '"a" + 1',
      'a answered what select fails on: The left side of the "+" operator must evaluate to a number',
    ],
    ['$error("no such city")', 'a answered what select fails on: no such city'],
    ['function($x) { $x }', /^the select of a gave a function/],
    ['1 / 0', 'the select of a gave Infinity, which is no JSON'],
    ['($f := function($n) { $f($n) + 1 }; $f(1))', /^a answered what select fails on: Stack overflow/],
    ['[1..2000000].($)', /^a answered what select fails on: .*maximum sequence length/],
  ])('%s fails with a short reason', async (select, message) => {
    const error = await shape({ select }, trades).catch(
      (thrown: Error) => thrown as Error & { code: string },
    );
    expect(error).toMatchObject({ code: 'source_failed' });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(/^.{1,200}$/);
  });

  it.each([
    ['$number(secret)', 'Unable to cast value to a number: (a value)'],
    ['list{secret: n}', 'Key in object structure must evaluate to a string; got: (a value)'],
    ['list^(mixed)', 'Type mismatch when comparing values (a value) and (a value) in order-by clause'],
    ['$toMillis(secret)', /Given \(a value\)$/],
  ])('%s fails without telling clients what the upstream sent', async (select, message) => {
    const list = [
      { secret: 12345, mixed: 'hunter2' },
      { secret: 12345, mixed: 12345 },
    ];
    const error = (await shape({ select }, { secret: 'hunter2\n12345', list }).catch(
      (thrown) => thrown,
    )) as Error;
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/hunter2|12345/);
  });

  it('that loops for ever is stopped', async () => {
    const loop = '($f := function($n) { $f($n + 1) }; $f(1))';
    await expect(shape({ select: loop }, trades)).rejects.toThrow(
      'a answered what select fails on: it takes longer than 1000 ms',
    );
  });

  it('reaches no prototype and no process', async () => {
    for (const select of ['constructor', '__proto__', '$eval("constructor.constructor")', 'toString']) {
      await expect(shape({ select }, {})).rejects.toThrow('select makes nothing of');
    }
  });
});

describe('array', () => {
  it('keys records by a field, and loses none of them', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (list) => {
        const keyed = (await shape({ array: { key: 'id' } }, list)) as JsonObject;
        expect(Object.getPrototypeOf(keyed)).toBe(Object.prototype);
        expect(Object.keys(keyed).toSorted()).toEqual(list.map(({ id }) => String(id)).toSorted());
        for (const record of list) {
          expect(Object.getOwnPropertyDescriptor(keyed, record.id)?.value).toBe(record);
        }
      }),
    );
  });

  it('finds the field by a pointer', async () => {
    const list = [{ meta: { 'a/b': 7 } }, { meta: { 'a/b': 'x' } }];
    expect(await shape({ array: { key: '/meta/a~1b' } }, list)).toEqual({ 7: list[0], x: list[1] });
  });

  it('comes after select', async () => {
    const value = { data: [{ id: 'a' }] };
    expect(await shape({ select: '/data', array: { key: 'id' } }, value)).toEqual({ a: { id: 'a' } });
    expect(await shape({ select: 'data[]', array: { key: 'id' } }, value)).toEqual({ a: { id: 'a' } });
  });

  it.each<[Json, string]>([
    [{ id: 1 }, 'a answered no list to key by id'],
    [null, 'a answered no list to key by id'],
    [[{ id: 1 }, { i: 2 }], 'a answered a list whose element 1 has no text or number at id'],
    [[{ id: null }], 'a answered a list whose element 0 has no text or number at id'],
    [[7], 'a answered a list whose element 0 has no text or number at id'],
    [[{ id: 1 }, { id: '1' }], 'a answered a list with two elements whose id is "1"'],
    [[{ id: '__proto__' }, { id: '__proto__' }], 'two elements whose id is "__proto__"'],
  ])('of %j fails with a clear reason', async (value, message) => {
    await expect(shape({ array: { key: 'id' } }, value)).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringContaining(message),
    });
  });
});
