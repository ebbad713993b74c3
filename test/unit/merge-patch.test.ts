import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../shared/json.js';
import { applyMergePatch } from '../../shared/merge-patch.js';
import { deepFreeze, json, nested } from '../support/json-arbitrary.js';

describe('the table of RFC 7396, appendix A', () => {
  const rows: [target: string, patch: string, result: string][] = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ];
  it.each(rows)('%s with %s gives %s', (target, patch, result) => {
    const merged = applyMergePatch(deepFreeze(JSON.parse(target)), deepFreeze(JSON.parse(patch)));
    expect(JSON.stringify(merged)).toBe(result);
  });
});

describe('applyMergePatch', () => {
  it('shares what the patch does not touch', () => {
    const target = deepFreeze({ kept: { x: 1 }, changed: { y: 1 } });
    const merged = applyMergePatch(target, { changed: { y: 2 } }) as typeof target;
    expect(merged).toEqual({ kept: { x: 1 }, changed: { y: 2 } });
    expect(merged.kept).toBe(target.kept);
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'refuses to go through %s and touches no prototype',
    (key) => {
      for (const text of [`{"${key}":{"polluted":true}}`, `{"a":{"${key}":null}}`]) {
        expect(() => applyMergePatch({ a: {} }, JSON.parse(text))).toThrow(
          expect.objectContaining({ code: 'patch_invalid' }),
        );
      }
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  it('keeps an own member named __proto__ of the target', () => {
    const target = deepFreeze(JSON.parse('{"__proto__":{"x":1},"a":1}'));
    expect(JSON.stringify(applyMergePatch(target, { a: 2 }))).toBe('{"__proto__":{"x":1},"a":2}');
  });

  it('does not merge into what the target only inherits', () => {
    expect(applyMergePatch({}, { toString: { a: 1 } })).toEqual({ toString: { a: 1 } });
  });

  it('refuses a patch that nests too deep instead of overflowing the stack', () => {
    expect(() => applyMergePatch({}, nested(200_000, 1, 'object'))).toThrow(
      expect.objectContaining({ code: 'patch_invalid', message: expect.stringContaining('256 levels') }),
    );
  });

  it('is idempotent, and never leaves a null that the patch held in an object', () => {
    fc.assert(
      fc.property(json({ unsafeKeys: false }), json({ unsafeKeys: false }), (target, patch) => {
        const once = applyMergePatch(deepFreeze(target), deepFreeze(patch));
        expect(applyMergePatch(once, patch)).toEqual(once);
        if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) {
          for (const [key, value] of Object.entries(patch) as [string, Json][]) {
            expect(Object.hasOwn(once as object, key)).toBe(value !== null);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
