import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyJson } from '../../server/source/json-value.js';
import { isTooDeep, MAX_DEPTH } from '../../shared/depth.js';
import { equal } from '../../shared/equal.js';
import type { Json } from '../../shared/json.js';
import { deepFreeze, json, nested, relatedPair } from '../support/json-arbitrary.js';

const copyOf = (value: unknown, held?: Json) => copyJson(value, 'the code', { held });

/** All containers of a value, itself included. */
function containersOf(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null) return found;
  found.add(value);
  for (const member of Object.values(value)) containersOf(member, found);
  return found;
}

describe('a copy of what code gave', () => {
  it('is equal to it and shares nothing with it, whatever is held', () => {
    fc.assert(
      fc.property(relatedPair(), ([held, value]) => {
        const copied = copyOf(value, deepFreeze(held));
        expect(equal(copied, value)).toBe(true);
        const own = containersOf(value);
        const ofHeld = containersOf(held);
        for (const container of containersOf(copied)) {
          expect(own.has(container) && !ofHeld.has(container)).toBe(false);
        }
      }),
    );
  });

  it('is what is held when both are equal, whatever the order of members', () => {
    fc.assert(
      fc.property(json({ unsafeKeys: false }), (value) => {
        const held = deepFreeze(structuredClone(value));
        expect(copyOf(value, held)).toBe(held);
      }),
    );
    const held: Json = { a: [1, { b: 2 }], c: { d: null, e: 'f' } };
    expect(copyOf({ c: { e: 'f', d: null }, a: [1, { b: 2 }] }, held)).toBe(held);
  });

  it('shares with what is held all that is equal, beside what differs', () => {
    const held = { same: { a: [1, 2] }, other: { a: 1, deep: [{ b: 1 }, { b: 2 }] }, gone: {} };
    const value = { same: { a: [1, 2] }, other: { a: 1, deep: [{ b: 1 }, { b: 3 }] } };
    const copied = copyOf(value, held) as unknown as typeof value;
    expect(copied).toEqual(value);
    expect(copied.same).toBe(held.same);
    expect(copied.other.deep[0]).toBe(held.other.deep[0]);
    expect(copied.other.deep[1]).not.toBe(value.other.deep[1]);
  });

  it('takes what is held from a value that was made of it', () => {
    const held = { a: { deep: [1] }, b: 1 };
    const copied = copyOf({ ...held, b: 2 }, held);
    expect(copied).toEqual({ a: { deep: [1] }, b: 2 });
    expect((copied as typeof held).a).toBe(held.a);
  });

  it('has no member and no element that only what is held has', () => {
    expect(copyOf({ a: 1 }, { a: 1, b: 2 })).toEqual({ a: 1 });
    expect(copyOf([1, 2], [1, 2, 3])).toEqual([1, 2]);
    expect(copyOf([1, 2, 3], [1, 2])).toEqual([1, 2, 3]);
    expect(copyOf({}, [])).toEqual({});
    expect(copyOf([], {})).toEqual([]);
  });

  it('keeps a member named __proto__ apart from the prototype', () => {
    const value = JSON.parse('{"a":1,"__proto__":{"b":2}}');
    for (const held of [undefined, {}, { a: 1 }, JSON.parse('{"a":1,"__proto__":{"b":2}}')]) {
      const copied = copyOf(value, held);
      expect(JSON.stringify(copied)).toBe('{"a":1,"__proto__":{"b":2}}');
      expect(Object.getPrototypeOf(copied)).toBe(Object.prototype);
    }
    expect(copyOf(JSON.parse('{"__proto__":{}}'), {})).not.toBe(Object.prototype);
  });

  it('is refused, with its place, for what is no JSON, whether something is held or not', () => {
    const cases: [unknown, string][] = [
      [{ a: [{ b: 1 }, { 'c/d': undefined }] }, 'the code gave undefined at /a/1/c~1d, which is no JSON'],
      [{ a: {}, b: Number.NaN }, 'the code gave NaN at /b, which is no JSON'],
      [{ a: new Date(0) }, 'the code gave a Date at /a, which is no JSON'],
      [new Array(1), 'the code gave undefined at /0, which is no JSON'],
      [() => 1, 'the code gave a function, which is no JSON'],
      [
        { a: [{ toString: Object.prototype.toString }] },
        'the code gave a function at /a/0/toString, which is no JSON',
      ],
    ];
    const helds: (Json | undefined)[] = [undefined, { a: [{ b: 1 }, {}], b: 1 }, []];
    for (const [value, message] of cases) {
      for (const held of helds) {
        expect(() => copyOf(value, held)).toThrow(message);
      }
    }
  });

  it('is refused for a value within itself, but not for one that stands in two places', () => {
    const ring: { in: unknown[] } = { in: [1] };
    ring.in.push({ back: ring });
    expect(() => copyOf(ring)).toThrow('a reference to what it lies in at /in/1/back, which is no JSON');
    const twice = { a: 1 };
    expect(copyOf([twice, twice])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('nests as deep as values may, and no deeper', () => {
    expect(copyOf(nested(MAX_DEPTH, 1))).toEqual(nested(MAX_DEPTH, 1));
    expect(() => copyOf(nested(MAX_DEPTH + 1, 1))).toThrow(`nesting deeper than ${MAX_DEPTH} levels at`);
  });
});

describe('the depth of a value', () => {
  it('is measured where it differs from a known one, too', () => {
    const known = { a: nested(MAX_DEPTH - 1, 1), b: 1 };
    expect(isTooDeep({ ...known, b: 2 }, known)).toBe(false);
    expect(isTooDeep({ ...known, b: nested(MAX_DEPTH, 1) }, known)).toBe(true);
    expect(isTooDeep({ c: { a: known.a } }, known)).toBe(true);
    expect(isTooDeep([known], known)).toBe(true);
  });
});
