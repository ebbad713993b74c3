import fc from 'fast-check';
import * as rfc6902 from 'rfc6902';
import { describe, expect, it } from 'vitest';
import { equal } from '../../shared/equal.js';
import type { Json } from '../../shared/json.js';
import { applyPatch, type PatchOperation } from '../../shared/patch.js';
import { deepFreeze, json, nested, relatedPair } from '../support/json-arbitrary.js';

const parse = (text: string) => JSON.parse(text) as Json;
/** For patches that a type-checked caller could not write. */
const wild = (operations: unknown) => operations as readonly PatchOperation[];

describe('the examples of RFC 6902, appendix A', () => {
  const cases: [name: string, document: string, patch: string, result: string][] = [
    [
      'A.1 adds an object member',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/baz","value":"qux"}]',
      '{"baz":"qux","foo":"bar"}',
    ],
    [
      'A.2 adds an array element',
      '{"foo":["bar","baz"]}',
      '[{"op":"add","path":"/foo/1","value":"qux"}]',
      '{"foo":["bar","qux","baz"]}',
    ],
    [
      'A.3 removes an object member',
      '{"baz":"qux","foo":"bar"}',
      '[{"op":"remove","path":"/baz"}]',
      '{"foo":"bar"}',
    ],
    [
      'A.4 removes an array element',
      '{"foo":["bar","qux","baz"]}',
      '[{"op":"remove","path":"/foo/1"}]',
      '{"foo":["bar","baz"]}',
    ],
    [
      'A.5 replaces a value',
      '{"baz":"qux","foo":"bar"}',
      '[{"op":"replace","path":"/baz","value":"boo"}]',
      '{"baz":"boo","foo":"bar"}',
    ],
    [
      'A.6 moves a value',
      '{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}',
      '[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]',
      '{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}',
    ],
    [
      'A.7 moves an array element',
      '{"foo":["all","grass","cows","eat"]}',
      '[{"op":"move","from":"/foo/1","path":"/foo/3"}]',
      '{"foo":["all","cows","eat","grass"]}',
    ],
    [
      'A.8 tests values',
      '{"baz":"qux","foo":["a",2,"c"]}',
      '[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]',
      '{"baz":"qux","foo":["a",2,"c"]}',
    ],
    [
      'A.10 adds a nested member object',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/child","value":{"grandchild":{}}}]',
      '{"foo":"bar","child":{"grandchild":{}}}',
    ],
    [
      'A.11 ignores unrecognized members',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/baz","value":"qux","xyz":123}]',
      '{"foo":"bar","baz":"qux"}',
    ],
    [
      'A.14 orders the escapes of ~',
      '{"/":9,"~1":10}',
      '[{"op":"test","path":"/~01","value":10}]',
      '{"/":9,"~1":10}',
    ],
    [
      'A.16 adds an array value',
      '{"foo":["bar"]}',
      '[{"op":"add","path":"/foo/-","value":["abc","def"]}]',
      '{"foo":["bar",["abc","def"]]}',
    ],
  ];
  it.each(cases)('%s', (_name, document, patch, result) => {
    expect(applyPatch(deepFreeze(parse(document)), JSON.parse(patch))).toEqual(parse(result));
  });

  const refusals: [name: string, document: string, patch: string, code: string][] = [
    ['A.9 fails a test', '{"baz":"qux"}', '[{"op":"test","path":"/baz","value":"bar"}]', 'patch_conflict'],
    [
      'A.12 adds to a nonexistent target',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/baz/bat","value":"qux"}]',
      'patch_conflict',
    ],
    [
      'A.15 tells strings from numbers',
      '{"/":9,"~1":10}',
      '[{"op":"test","path":"/~01","value":"10"}]',
      'patch_conflict',
    ],
  ];
  it.each(refusals)('%s, and is refused', (_name, document, patch, code) => {
    expect(() => applyPatch(parse(document), JSON.parse(patch))).toThrow(expect.objectContaining({ code }));
  });
});

describe('root operations', () => {
  it('replace and add put a new document in the place of the old', () => {
    expect(applyPatch({ a: 1 }, [{ op: 'replace', path: '', value: [1] }])).toEqual([1]);
    expect(applyPatch(3, [{ op: 'add', path: '', value: null }])).toBe(null);
  });
  it('move and copy lift a child to the root', () => {
    expect(applyPatch({ a: { b: 1 } }, [{ op: 'move', from: '/a', path: '' }])).toEqual({ b: 1 });
    expect(applyPatch({ a: { b: 1 } }, [{ op: 'copy', from: '/a/b', path: '' }])).toBe(1);
  });
  it('copy puts the document into itself', () => {
    expect(applyPatch({ a: 1 }, [{ op: 'copy', from: '', path: '/b' }])).toEqual({ a: 1, b: { a: 1 } });
  });
  it('remove leaves no document, and is refused', () => {
    expect(() => applyPatch({ a: 1 }, [{ op: 'remove', path: '' }])).toThrow(
      expect.objectContaining({ code: 'patch_invalid' }),
    );
  });
});

describe('what does not apply is refused as patch_conflict and says what stood there', () => {
  const cases: [patch: PatchOperation, found: string][] = [
    [{ op: 'remove', path: '/x' }, 'the document has no member "x"'],
    [{ op: 'replace', path: '/list/3', value: 1 }, '"/list" is an array of 3, without "3"'],
    [{ op: 'replace', path: '/list/-', value: 1 }, '"/list" is an array of 3, without "-"'],
    [{ op: 'add', path: '/list/4', value: 1 }, '"/list" is an array of 3, without "4"'],
    [{ op: 'add', path: '/list/01', value: 1 }, '"/list" is an array of 3, without "01"'],
    [{ op: 'add', path: '/list/-1', value: 1 }, '"/list" is an array of 3, without "-1"'],
    [{ op: 'add', path: '/list/1e0', value: 1 }, '"/list" is an array of 3, without "1e0"'],
    [{ op: 'remove', path: '/list/length' }, '"/list" is an array of 3, without "length"'],
    [{ op: 'add', path: '/text/0', value: 1 }, '"/text" is a string, which has no "0"'],
    [{ op: 'copy', from: '/nothing', path: '/y' }, 'the document has no member "nothing"'],
    [{ op: 'move', from: '/list/9', path: '/y' }, '"/list" is an array of 3, without "9"'],
    [{ op: 'test', path: '/text', value: 'no' }, 'expected "no", found "yes"'],
    [{ op: 'remove', path: '/toString' }, 'the document has no member "toString"'],
  ];
  it.each(cases)('%o', (operation, found) => {
    const document = deepFreeze({ list: [1, 2, 3], text: 'yes' });
    expect(() => applyPatch(document, [{ op: 'test', path: '/text', value: 'yes' }, operation])).toThrow(
      expect.objectContaining({
        code: 'patch_conflict',
        message: expect.stringMatching(/^Patch operation 1 \(/),
      }),
    );
    expect(() => applyPatch(document, [operation])).toThrow(found);
  });
});

describe('malformed patches are refused as patch_invalid', () => {
  const cases: [name: string, patch: unknown, says: string][] = [
    ['no array', { op: 'remove' }, 'not an object'],
    [
      'an operation that is no object',
      ['remove'],
      'Patch operation 0: an operation is an object, not a string',
    ],
    ['an unknown op', [{ op: 'inc', path: '/a' }], 'not "inc"'],
    ['no op', [{ path: '/a' }], '"op" must be'],
    ['no path', [{ op: 'remove' }], '"path" must be a string, not absent'],
    ['a path without a leading slash', [{ op: 'remove', path: 'a' }], 'no JSON Pointer'],
    ['a path with a bare ~', [{ op: 'remove', path: '/a~' }], 'no JSON Pointer'],
    ['a path with an unknown escape', [{ op: 'remove', path: '/a~2' }], 'no JSON Pointer'],
    ['no value', [{ op: 'add', path: '/a' }], '"value" is missing'],
    ['no from', [{ op: 'move', path: '/a' }], '"from" must be a string'],
    ['a move into its own child', [{ op: 'move', from: '/a', path: '/a/b' }], 'into itself'],
    ['a move of the document into a member', [{ op: 'move', from: '', path: '/a' }], 'into itself'],
    ['a path of many levels', [{ op: 'remove', path: '/a'.repeat(257) }], 'deeper than 256'],
  ];
  it.each(cases)('%s', (_name, patch, says) => {
    const document = deepFreeze({ a: { c: 1 } });
    const attempt = () => applyPatch(document, wild(patch));
    expect(attempt).toThrow(expect.objectContaining({ code: 'patch_invalid' }));
    expect(attempt).toThrow(says);
  });
});

describe('prototypes', () => {
  it.each(['__proto__', 'constructor', 'prototype'])('no operation goes through %s', (key) => {
    const paths = [`/${key}`, `/${key}/polluted`, `/a/${key}/polluted`, `/constructor/prototype/polluted`];
    for (const path of paths) {
      for (const operation of [
        { op: 'add', path, value: true },
        { op: 'replace', path, value: true },
        { op: 'test', path, value: true },
        { op: 'remove', path },
        { op: 'move', from: '/b', path },
        { op: 'copy', from: path, path: '/b' },
      ]) {
        expect(() => applyPatch(parse('{"a":{"__proto__":{}},"b":1}'), wild([operation]))).toThrow(
          expect.objectContaining({ code: 'patch_invalid' }),
        );
      }
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('an own member named __proto__ survives the copying of its object', () => {
    const document = deepFreeze(parse('{"__proto__":{"x":1},"a":1}'));
    const patched = applyPatch(document, [{ op: 'replace', path: '/a', value: 2 }]);
    expect(JSON.stringify(patched)).toBe('{"__proto__":{"x":1},"a":2}');
    expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
  });

  it('an operation without own members borrows none from a prototype', () => {
    const inherited = Object.create({ path: '/a', value: 1 });
    inherited.op = 'add';
    expect(() => applyPatch({}, wild([inherited]))).toThrow('"path" must be a string');
  });
});

describe('sharing', () => {
  it('untouched subtrees are the same references, touched containers are copied once', () => {
    const document = deepFreeze({ a: { list: [1, 2, 3] }, b: { c: { d: 1 } } });
    const patched = applyPatch(document, [
      { op: 'add', path: '/a/list/-', value: 4 },
      { op: 'add', path: '/a/list/-', value: 5 },
    ]) as typeof document;
    expect(patched).toEqual({ a: { list: [1, 2, 3, 4, 5] }, b: { c: { d: 1 } } });
    expect(patched.b).toBe(document.b);
    expect(document.a.list).toEqual([1, 2, 3]);
  });

  it('a value taken from the patch is not written to by later operations', () => {
    const value = deepFreeze({ list: [] });
    const patched = applyPatch({}, [
      { op: 'add', path: '/x', value },
      { op: 'add', path: '/x/list/-', value: 1 },
    ]);
    expect(patched).toEqual({ x: { list: [1] } });
  });

  it('a copy and its original part ways at the next operation', () => {
    const patched = applyPatch(deepFreeze({ a: { n: { x: 1 } } }), [
      { op: 'replace', path: '/a/n/x', value: 2 },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'replace', path: '/b/n/x', value: 3 },
      { op: 'replace', path: '/a/n/x', value: 4 },
    ]);
    expect(patched).toEqual({ a: { n: { x: 4 } }, b: { n: { x: 3 } } });
  });
});

describe('bounds', () => {
  it('copies that double the document again and again are refused before memory runs out', () => {
    const doubling: PatchOperation[] = Array.from({ length: 64 }, (_, i) => ({
      op: 'copy',
      from: '',
      path: `/${i}`,
    }));
    expect(() => applyPatch({ text: 'x'.repeat(100) }, doubling)).toThrow(
      expect.objectContaining({ code: 'patch_conflict', message: expect.stringContaining('add up to') }),
    );
  });

  it('a document and values of any depth neither overflow the stack nor confuse', () => {
    const deep = nested(200_000, 1);
    const added = applyPatch({ a: 1 }, [{ op: 'add', path: '/b', value: deep }]) as { b: Json };
    expect(added.b === deep).toBe(true);
    expect(() => applyPatch({ a: deep }, [{ op: 'test', path: '/a', value: deep }])).toThrow(
      expect.objectContaining({ code: 'patch_invalid', message: expect.stringContaining('256 levels') }),
    );
    expect(() => applyPatch({ a: deep }, [{ op: 'copy', from: '/a', path: '/b' }])).toThrow(
      expect.objectContaining({ code: 'patch_conflict', message: expect.stringContaining('256 levels') }),
    );
  });
});

describe('properties', () => {
  it('agrees with rfc6902 on the patches that rfc6902 makes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          relatedPair({ unsafeKeys: false }),
          fc.tuple(json({ unsafeKeys: false }), json({ unsafeKeys: false })),
        ),
        ([from, to]) => {
          // Wrapped, because rfc6902 cannot replace a root that it was not given a holder of.
          const patch = rfc6902.createPatch({ at: from }, { at: to }) as PatchOperation[];
          expect(equal(applyPatch(deepFreeze({ at: from }), patch), { at: to })).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  /**
   * One operation as rfc6902 applies it to the document below `/at`. A move is a removal and an addition (RFC 6902,
   * section 4.4), so its target is looked up after the removal; rfc6902 looks before.
   */
  function applyTheirs(holder: { at: unknown }, operation: PatchOperation): unknown[] {
    const path = `/at${operation.path}`;
    if (!('from' in operation))
      return rfc6902.applyPatch(holder, [{ ...operation, path }] as rfc6902.Operation[]);
    const from = `/at${operation.from}`;
    if (operation.op === 'copy') return rfc6902.applyPatch(holder, [{ op: 'copy', from, path }]);
    if (from === path) return [null];
    const value = rfc6902.Pointer.fromJSON(from).get(holder);
    const steps: rfc6902.Operation[] = [
      { op: 'remove', path: from },
      { op: 'add', path, value },
    ];
    return [...new Set(rfc6902.applyPatch(holder, steps))];
  }

  it('random operations give what rfc6902 gives, or are refused, and never touch the document', () => {
    const token = fc.constantFrom('a', 'b', 'c', '0', '1', '2', '-', '', '~1', '~0');
    const pointer = fc.array(token, { maxLength: 3 }).map((tokens) => tokens.map((t) => `/${t}`).join(''));
    const operation = fc.oneof(
      fc.record({
        op: fc.constantFrom('add' as const, 'replace' as const, 'test' as const),
        path: pointer,
        value: json({ unsafeKeys: false }),
      }),
      fc.record({ op: fc.constant('remove' as const), path: pointer }),
      fc.record({ op: fc.constantFrom('move' as const, 'copy' as const), from: pointer, path: pointer }),
    );
    let applied = 0;
    fc.assert(
      fc.property(json({ unsafeKeys: false }), fc.array(operation, { maxLength: 4 }), (document, patch) => {
        const before = JSON.stringify(document);
        deepFreeze(document);
        let ours: Json;
        try {
          ours = applyPatch(document, patch);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^patch_(invalid|conflict)$/) });
          expect(JSON.stringify(document)).toBe(before);
          return;
        }
        applied++;
        expect(JSON.stringify(document)).toBe(before);
        const theirs = { at: JSON.parse(before) };
        for (const operation of patch) expect(applyTheirs(theirs, operation)).toEqual([null]);
        expect(JSON.parse(JSON.stringify(ours))).toEqual(JSON.parse(JSON.stringify(theirs.at)));
      }),
      { numRuns: 3_000 },
    );
    expect(applied).toBeGreaterThan(500);
  });
});
