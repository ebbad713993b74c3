import { resolve, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathKey, wantedPath } from '../../server/copy/file-name.js';
import { addressOf } from '../../server/copy/link.js';
import { createNameTable } from '../../server/copy/name-table.js';

const SITE = 'http://example.com';

/** Parts that hostile and unlucky URLs are made of. */
const PIECE = fc.oneof(
  fc.constantFrom(
    ...[
      '..',
      '.',
      '%2e%2e',
      '..%2f',
      '%2F',
      '%5c',
      '\\',
      '%00',
      '%0a',
      '//',
      '/',
      '?',
      '#',
      '%',
      '%zz',
      '%ff',
    ],
    ...[
      'CON',
      'nul.txt',
      'com1',
      'a',
      'A',
      'index.html',
      'INDEX.HTML',
      'ä',
      'a%CC%88',
      'ﬁ',
      'ß',
      'ss',
      '~',
      '-rf',
    ],
    ...[
      '.git',
      '.headwater-copy',
      '_other',
      '_',
      'a.',
      'a ',
      '%20',
      ':',
      '*',
      '|',
      '\u202e',
      '%E2%80%AE',
      ';',
    ],
    ...[
      'x'.repeat(300),
      'é'.repeat(150),
      '/d'.repeat(200),
      'file:///etc/passwd',
      'C:%5Cx',
      '&',
      '=',
      '$(id)',
    ],
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const ADDRESS = fc
  .array(PIECE, { minLength: 1, maxLength: 6 })
  .map((pieces) => `${SITE}/${pieces.join('')}`)
  .filter((url) => URL.canParse(url))
  .map((url) => addressOf(new URL(url)));
const TYPE = fc.constantFrom(
  'text/html',
  'text/css',
  'image/png',
  'text/plain',
  'application/x-unheard-of',
  undefined,
);

describe('where a URL is kept', () => {
  it.each([
    ['/', 'text/html', 'index.html'],
    ['/docs/', 'text/html', 'docs/index.html'],
    ['/docs', 'text/html', 'docs.html'],
    ['/docs.html', 'text/html', 'docs.html'],
    ['/page.php', 'text/html', 'page.php.html'],
    ['/list?page=2', 'text/html', 'list~page=2.html'],
    ['/list.html?page=2&q=a/b', 'text/html', 'list~page=2_q=a_b.html'],
    ['/img/logo.PNG', 'image/png', 'img/logo.PNG'],
    ['/img/logo', 'image/png', 'img/logo.png'],
    ['/style.php?v=3', 'text/css', 'style.php~v=3.css'],
    ['/k%C3%A4se', 'text/html', 'käse.html'],
    ['/data', undefined, 'data'],
    ['/a//b', 'text/html', 'a/b.html'],
    ['/..%2f..%2fetc/passwd', 'text/plain', '_._.._etc/passwd.txt'],
    ['/%5c..%5cx', 'text/html', '_.._x.html'],
    ['/nul', undefined, '_nul'],
    ['/aux.html', 'text/html', '_aux.html'],
    ['/.git/config', undefined, '_git/config'],
    ['/.headwater-copy/state.json', 'application/json', '_headwater-copy/state.json'],
    ['/a%00b', 'text/html', 'a_b.html'],
    ['/-rf', undefined, '_rf'],
  ])('%s (%s) becomes %s', (path, type, expected) => {
    expect(wantedPath(`${SITE}${path}`, type)).toBe(expected);
  });

  it('is never outside the folder, whatever the URL', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ADDRESS, TYPE), { maxLength: 20 }), (urls) => {
        const table = createNameTable([]);
        for (const [address, type] of new Map(urls)) {
          const path = table.assign(address, type);
          expect(resolve('/copy', path).startsWith(`/copy${sep}`)).toBe(true);
          expect(resolve('/copy', path)).toBe(`/copy/${path}`);
          for (const segment of path.split('/')) {
            expect(segment).not.toMatch(/^[.~-]|[\p{C}\p{Z}\\:*?"<>|%]|\.$|^(?:con|nul|com1)(?:\.|$)/iu);
            expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(143);
          }
          expect(Buffer.byteLength(path)).toBeLessThanOrEqual(200);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is a place of its own for each URL, also where case and composition do not count, and never a folder of another', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ADDRESS, TYPE), { maxLength: 40 }), (urls) => {
        const table = createNameTable(['index.html', 'a/b']);
        const addresses = [...new Map(urls)];
        const keys = addresses.map(([address, type]) => pathKey(table.assign(address, type)));
        const all = [...keys, 'index.html', 'a/b'];
        expect(new Set(all).size).toBe(all.length);
        for (const key of all) expect(all.filter((other) => other.startsWith(`${key}/`))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [['/Readme', '/readme', '/README'], 'text/html'],
    [['/a', '/a/b'], undefined],
    [['/a/b', '/a'], undefined],
    [['/q?a/b', '/q?a_b'], 'text/html'],
    [['/docs', '/docs.html'], 'text/html'],
    [[`/${'x'.repeat(300)}1`, `/${'x'.repeat(300)}2`], 'text/html'],
  ])('differs for %j', (paths, type) => {
    const table = createNameTable([]);
    const keys = paths.map((path) => pathKey(table.assign(`${SITE}${path}`, type)));
    expect(new Set(keys).size).toBe(paths.length);
  });

  it('is one for all spellings of a URL (RFC 3986, section 6.2.2)', () => {
    const spellings = [
      'http://EXAMPLE.com:80/%7Ea%2fb#x',
      'http://user:pw@example.com/~a%2Fb',
      'http://example.com/x/../%7ea%2Fb',
    ];
    expect(new Set(spellings.map((url) => addressOf(new URL(url)))).size).toBe(1);
  });
});
