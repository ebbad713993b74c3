import fc from 'fast-check';
import fastJsonPatch from 'fast-json-patch';
import * as rfc6902 from 'rfc6902';
import { describe, expect, it } from 'vitest';
import { diff } from '../../server/store/diff.js';
import { equal } from '../../shared/equal.js';
import type { Json, JsonObject } from '../../shared/json.js';
import { applyPatch } from '../../shared/patch.js';
import { deepFreeze, json, nested, relatedPair } from '../support/json-arbitrary.js';

const clone = <T extends Json>(value: T) => JSON.parse(JSON.stringify(value)) as T;

interface Row extends JsonObject {
  price: number;
  label: string;
}
const record = (i: number): Row => ({
  label: `record ${i}`,
  price: i * 1.25,
  open: i % 2 === 0,
  tags: ['a', 'b'],
});
const keyed = (i: number) => ({ id: `r${i}`, ...record(i) });
const rows = (count: number, make: (i: number) => Json = record) =>
  Array.from({ length: count }, (_, i) => make(i));

function expectPatch(from: Json, to: Json, most: number) {
  const patch = diff(deepFreeze(from), deepFreeze(to));
  expect(applyPatch(from, patch)).toEqual(to);
  expect(patch.length).toBeLessThanOrEqual(most);
  return patch;
}

describe('diff', () => {
  it('says nothing of equal documents, whatever the order of their members', () => {
    expect(diff({ a: 1, b: [{ c: 0 }] }, { b: [{ c: -0 }], a: 1 })).toEqual([]);
  });

  it('names the member that changed, was added or removed', () => {
    const keep = 'a text that takes longer than a second operation would';
    expect(diff({ a: { keep, x: 1, y: 2 } }, { a: { keep, x: 3 } })).toEqual([
      { op: 'replace', path: '/a/x', value: 3 },
      { op: 'remove', path: '/a/y' },
    ]);
    expect(diff({ a: {} }, { a: { z: [1] } })).toEqual([{ op: 'add', path: '/a/z', value: [1] }]);
  });

  it('escapes member names', () => {
    expect(diff({ 'a/b': { '~': 1, '': 2 } }, { 'a/b': { '~': 2, '': 2 } })).toEqual([
      { op: 'replace', path: '/a~1b/~0', value: 2 },
    ]);
  });

  it.each<[Json, Json]>([
    [{ 0: 'a' }, ['a']],
    [[], {}],
    [null, {}],
    [1, '1'],
    [{ a: 1 }, null],
  ])('replaces the root when %j becomes %j', (from, to) => {
    expect(diff(from, to)).toEqual([{ op: 'replace', path: '', value: to }]);
  });

  it('does not take an inherited member for an own one', () => {
    expectPatch({ toString: 1 }, {}, 1);
    expectPatch({}, { toString: 1, valueOf: {} }, 2);
  });

  it('replaces the holder of a changed __proto__, constructor or prototype', () => {
    const parse = (text: string) => JSON.parse(text) as Json;
    expect(
      diff(parse('{"a":{"__proto__":1,"b":1},"c":1}'), parse('{"a":{"__proto__":2,"b":1},"c":1}')),
    ).toEqual([{ op: 'replace', path: '/a', value: parse('{"__proto__":2,"b":1}') }]);
    expect(diff(parse('{"a":[{}]}'), parse('{"a":[{"constructor":1}]}'))).toEqual([
      { op: 'replace', path: '/a/0', value: { constructor: 1 } },
    ]);
    expect(diff(parse('{"__proto__":{}}'), {})).toEqual([{ op: 'replace', path: '', value: {} }]);
    expect(diff(parse('{"constructor":{"x":1},"a":1}'), parse('{"constructor":{"x":1},"a":2}'))).toEqual([
      { op: 'replace', path: '/a', value: 2 },
    ]);
  });

  it('replaces a subtree whole where that is shorter than the operations', () => {
    const cores = Array.from({ length: 16 }, (_, i) => i * i + 0.5);
    const busier = cores.map((load) => load + 1);
    expect(diff({ cpu: { cores }, rest: 1 }, { cpu: { cores: busier }, rest: 1 })).toEqual([
      { op: 'replace', path: '/cpu/cores', value: busier },
    ]);
  });

  it('gives up a large patch for the document where that is shorter, and leaves small ones to the caller', () => {
    const numbers = (count: number, add: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i * i + add]));
    expect(diff(numbers(1_000, 0), numbers(1_000, 1))).toEqual([
      { op: 'replace', path: '', value: numbers(1_000, 1) },
    ]);
    expect(diff(numbers(10, 0), numbers(10, 1))).toHaveLength(10);
  });

  it('takes documents of any depth and replaces what lies too deep', () => {
    for (const wrap of ['array', 'object'] as const) {
      const patch = diff(nested(200_000, 1, wrap), nested(200_000, 2, wrap));
      expect(patch).toHaveLength(1);
      expect(patch[0]!.path.split('/')).toHaveLength(257);
      const within = [nested(250, 1, wrap), nested(250, 2, wrap)] as const;
      expect(applyPatch(within[0], diff(...within))).toEqual(within[1]);
    }
  });
});

describe('arrays of a thousand records', () => {
  for (const [kind, make] of [
    ['with ids', keyed],
    ['without ids', record],
    ['of strings', (i: number) => `line ${i}`],
    ['of pairs', (i: number) => [i, i * 2]],
  ] as const) {
    describe(kind, () => {
      const from = rows(1_000, make);

      it('an insertion in the middle is one operation', () => {
        expectPatch(from, from.toSpliced(500, 0, make(5_000)), 1);
      });
      it('a removal in the middle is one operation', () => {
        expectPatch(from, from.toSpliced(500, 1), 1);
      });
      it('a sliding window is one operation an element', () => {
        expectPatch(from, [...from.slice(3), make(5_000), make(5_001), make(5_002)], 6);
      });
      it('several insertions and removals are an operation each', () => {
        const to = from.toSpliced(800, 2).toSpliced(400, 0, make(5_000), make(5_001)).toSpliced(100, 1);
        expectPatch(from, to, 5);
      });
      it('as many removed as inserted elsewhere is an operation each', () => {
        expectPatch(from, from.toSpliced(100, 1).toSpliced(800, 0, make(5_000)), 2);
      });
      it('a moved element is removed and inserted', () => {
        expectPatch(from, from.toSpliced(700, 1).toSpliced(100, 0, from[700]!), 2);
      });
      it('any order of the same elements comes out right', () => {
        const shuffled = from.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)) || 0);
        expectPatch(from, shuffled.toReversed(), 2_000);
      });
    });
  }

  it.each([
    ['with ids', keyed],
    ['without ids', record],
  ] as const)('records %s that change beside insertions and removals are told apart', (_kind, make) => {
    const from = rows(1_000, make) as Row[];
    const to = from.slice();
    for (const i of [10, 300, 301, 650, 990]) to[i] = { ...to[i]!, price: -1 };
    to.splice(900, 1);
    to.splice(500, 0, make(5_000) as Row, make(5_001) as Row);
    to.splice(200, 1);
    expectPatch(from, to, 16);
  });

  it('scattered changes in records of the same order are an operation each', () => {
    const from = rows(1_000) as Row[];
    expectPatch(
      from,
      from.map((row, i) => (i % 10 === 0 ? { ...row, price: -1 } : row)),
      100,
    );
  });

  it('equal elements repeated do not confuse it', () => {
    const from = rows(1_000, () => ({ same: true }));
    expectPatch(from, from.slice(0, 995), 5);
    expectPatch([...from, 1, ...from], [...from.slice(2), 1, 2, ...from], 4);
  });

  it('ids that repeat are no identity', () => {
    const from = rows(1_000, (i) => ({ id: 'same', ...record(i) }));
    expectPatch(from, from.toSpliced(500, 1), 1);
  });
});

it('a hundred thousand elements in a new order take bounded work', () => {
  const from = rows(100_000, keyed);
  const to = from.map((_, i) => from[(i * 7_919) % from.length]!);
  const patch = diff(from, to);
  expect(equal(applyPatch(from, patch), to)).toBe(true);
  expect(patch).toHaveLength(1);
});

describe('for any JSON', () => {
  const pair = fc.oneof(
    { weight: 4, arbitrary: relatedPair() },
    { weight: 1, arbitrary: fc.tuple(json(), json()) },
  );

  it('diff then apply gives the document back and leaves both as they were', () => {
    fc.assert(
      fc.property(pair, ([from, to]) => {
        const patch = diff(deepFreeze(from), deepFreeze(to));
        const back = applyPatch(from, patch);
        expect(equal(back, to)).toBe(true);
        expect(clone(back)).toEqual(clone(to));
        expect(patch.length === 0).toBe(equal(from, to));
      }),
      { numRuns: 5_000 },
    );
  });

  it('the patch survives its way over the wire', () => {
    fc.assert(
      fc.property(pair, ([from, to]) => {
        expect(
          equal(applyPatch(clone(from), clone(diff(from, to) as unknown as Json) as never), clone(to)),
        ).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  // Both libraries lose members named __proto__ when they copy a value, and rfc6902 refuses paths through all three.
  const safePair = fc.oneof(
    { weight: 4, arbitrary: relatedPair({ unsafeKeys: false }) },
    { weight: 1, arbitrary: fc.tuple(json({ unsafeKeys: false }), json({ unsafeKeys: false })) },
  );

  it('fast-json-patch applies the patch to the same end', () => {
    fc.assert(
      fc.property(safePair, ([from, to]) => {
        const patch = diff(from, to);
        const { newDocument } = fastJsonPatch.applyPatch(
          clone(from),
          clone(patch as unknown as Json) as never,
          true,
        );
        expect(newDocument).toEqual(clone(to));
      }),
      { numRuns: 1_500 },
    );
  });

  it('rfc6902 applies the patch to the same end', () => {
    fc.assert(
      fc.property(safePair, ([from, to]) => {
        // Wrapped, because rfc6902 cannot replace a root that it was not given a holder of.
        const holder = { at: clone(from) };
        const patch = diff(from, to).map((o) => ({ ...o, path: `/at${o.path}` })) as rfc6902.Operation[];
        expect(rfc6902.applyPatch(holder, patch)).toEqual(patch.map(() => null));
        expect(clone(holder.at)).toEqual(clone(to));
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('equal', () => {
  it('agrees with the JSON text of sorted members', () => {
    const canonical = (value: Json): string =>
      JSON.stringify(value, (_key, v) =>
        typeof v === 'object' && v !== null && !Array.isArray(v)
          ? Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))
          : v,
      );
    fc.assert(
      fc.property(
        fc.oneof(
          relatedPair(),
          json().map((v): [Json, Json] => [v, clone(v)]),
        ),
        ([a, b]) => {
          expect(equal(a, b)).toBe(canonical(a) === canonical(b));
          expect(equal(b, a)).toBe(canonical(a) === canonical(b));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
