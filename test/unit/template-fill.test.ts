import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceError } from '../../server/source/source-error.js';
import { fetchFill } from '../../server/source/template/fill-fetch.js';
import { urlFill } from '../../server/source/template/fill-url.js';

/** Texts that have led parsers astray. */
const nasty = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    '%2e',
    '%2E%2e',
    '../..',
    '/',
    '//evil.example',
    '\\\\evil.example',
    '@evil.example',
    ':80',
    '?a=b',
    '#x',
    '%',
    '%2f',
    '%00',
    '\u0000',
    '\r\nHost: evil.example',
    ' ',
    '\t',
    'http://evil.example',
    'a/b',
    'é',
    '\u202e',
    '𐀀',
    "'",
    '!*()',
    '&x=1',
    '+',
    ';',
    '{city}',
  ),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('.', '%', '2', 'e', 'E', '/', '\\', '?', '#', '@', ':'), maxLength: 8 }),
);

const someNasty = nasty.filter((text) => text !== '');

const TEMPLATES = [
  'https://api.example/weather/{city}',
  'https://user:secret@api.example:8443/{city}/now?units=c#top',
  'http://[::1]:8080/a/.{city}/b',
  'https://api.example/{city}.{country}/x/../y',
  'https://api.example/w?city={city}&in={country}&city={city}',
  'https://api.example\\{city}\\x',
  'https://api.example?q={city}',
  'https://api.example/%20/{country}{city}/',
];

describe('a URL with parameters', () => {
  it('keeps its origin, user and segments, and gives the parameters back, whatever they are', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TEMPLATES), nasty, nasty, (template, city, country) => {
        const plain = new URL(template.replaceAll('{city}', 'CITY').replaceAll('{country}', 'COUNTRY'));
        let filled: string;
        try {
          filled = urlFill(template, ['city', 'country'])!({ city, country });
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
          return;
        }
        const url = new URL(filled);
        for (const part of ['origin', 'username', 'password', 'hash'] as const)
          expect(url[part]).toBe(plain[part]);
        const segments = url.pathname.split('/');
        expect(segments.length).toBe(plain.pathname.split('/').length);
        for (const [i, segment] of plain.pathname.split('/').entries()) {
          const wanted = segment.replace(/CITY|COUNTRY/g, (name) => (name === 'CITY' ? city : country));
          expect(wanted === segment ? segments[i] : decodeURIComponent(segments[i]!)).toBe(wanted);
        }
        expect([...url.searchParams.keys()]).toEqual([...plain.searchParams.keys()]);
        for (const [name, value] of plain.searchParams) {
          const wanted = { CITY: city, COUNTRY: country }[value] ?? value;
          expect(url.searchParams.get(name)).toBe(wanted);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('refuses parameters that would fold a segment away', () => {
    const fill = urlFill('https://api.example/weather/{city}', ['city'])!;
    for (const city of ['.', '..']) expect(() => fill({ city })).toThrow(SourceError);
    expect(fill({ city: '...' })).toBe('https://api.example/weather/...');
    expect(fill({ city: '../admin' })).toBe('https://api.example/weather/..%2Fadmin');
    expect(fill({ city: '%2e%2e' })).toBe('https://api.example/weather/%252e%252e');
    expect(() => urlFill('https://api.example/.{city}/x', ['city'])!({ city: '.' })).toThrow(SourceError);
  });

  it('may have parameters only in its path and query', () => {
    for (const url of [
      '{city}://api.example/',
      'https://{city}/x',
      'https://{city}.example/x',
      'https://api.example{city}',
      'https://api.example:{city}/x',
      'https://{city}@api.example/x',
      'https:///{city}/x',
      'https://api.example/x#{city}',
    ]) {
      expect(() => urlFill(url, ['city']), url).toThrow(TypeError);
    }
  });
});

describe('a fetch with parameters', () => {
  const names = ['city', 'country'];
  const parameters = { city: 'a:b', country: 'no' };

  it('is filled wherever one may stand, and shares the rest', () => {
    const headers = { accept: 'text/plain' };
    const fetch = {
      urls: { url: 'https://a.example/{city}', b: 'https://b.example/' },
      strategy: 'all',
      headers,
      body: { '{city}': ['{city}', 1, null, { url: '{country}' }] },
      graphql: { query: 'query { place { city } }', variables: { city: '{city}' } },
    };
    const filled = fetchFill(fetch, names)(parameters);
    expect(filled).toEqual({
      ...fetch,
      urls: { url: 'https://a.example/a%3Ab', b: 'https://b.example/' },
      body: { '{city}': ['a:b', 1, null, { url: 'no' }] },
      graphql: { query: 'query { place { city } }', variables: { city: 'a:b' } },
    });
    expect(filled.headers).toBe(headers);
    const plain = { url: 'https://a.example/', headers };
    expect(fetchFill(plain, names)(parameters)).toBe(plain);
  });

  it('takes no line break and no character beyond Latin-1 into a header', () => {
    const fill = fetchFill({ headers: { 'x-city': 'in {city}' } }, names);
    expect(fill(parameters).headers['x-city']).toBe('in a:b');
    expect(fill({ city: 'Malmö', country: '' }).headers['x-city']).toBe('in Malmö');
    for (const city of ['a\r\nx-evil: 1', 'a\0', 'Łódź']) {
      expect(() => fill({ city, country: '' }), city).toThrow(SourceError);
    }
  });

  it('leads to no other file and no other key, and different parameters to different ones', () => {
    const file = fetchFill({ file: '/data/{city}.json' }, names);
    const key = fetchFill({ redis: { url: 'redis://{city}', key: '{hash}:{country}:{city}' } }, names);
    expect(file({ city: '..', country: '' }).file).toBe('/data/%2E..json');
    expect(file({ city: 'a/../b\\c', country: '' }).file).toBe('/data/a%2F..%2Fb%5Cc.json');
    expect(key(parameters).redis).toEqual({ url: 'redis://{city}', key: '{hash}:no:a%3Ab' });
    fc.assert(
      fc.property(someNasty, someNasty, (one, other) => {
        const made = (city: string) => {
          try {
            return file({ city, country: '' }).file;
          } catch (error) {
            expect(error).toBeInstanceOf(SourceError);
            return undefined;
          }
        };
        const [a, b] = [made(one), made(other)];
        if (a === undefined || b === undefined) return;
        expect(a).toMatch(/^\/data\/(?!\.)[^/\\\0]*\.json$/);
        expect(a === b).toBe(one === other);
      }),
    );
  });
});
