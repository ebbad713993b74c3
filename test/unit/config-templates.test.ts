import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../server/config/parse.js';
import { patternCost } from '../../server/config/pattern-cost.js';
import { ConfigError } from '../../server/config/problem.js';
import type { ConfigInput } from '../../server/config/schema.js';

type SourceInput = NonNullable<ConfigInput['sources']>[number];

const WEATHER = {
  topic: 'weather/{city}',
  every: '1s',
  fetch: 'https://api.example/weather?city={city}',
} as const;

/** The path and the message of each problem. */
function problemsOf(...sources: SourceInput[]): string[] {
  try {
    parseConfig({ sources });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('a source with parameters in its topic', () => {
  it('comes back as it was, checked twice', () => {
    const once = parseConfig({
      sources: [{ ...WEATHER, parameters: { city: '[a-z-]{1,40}' }, max: 10, linger: '5s' }],
    });
    expect(once.sources[0]).toMatchObject({ parameters: { city: '[a-z-]{1,40}' }, max: 10, linger: 5_000 });
    expect(parseConfig(once)).toEqual(once);
  });

  it.each<[string, SourceInput, RegExp]>([
    [
      'a parameter twice',
      { ...WEATHER, topic: 'w/{city}/{city}' },
      /^sources\[0\]\.topic: found \{city\} twice/,
    ],
    [
      'a parameter that nothing uses',
      { ...WEATHER, topic: 'w/{land}/{city}' },
      /^sources\[0\]\.topic: .*\{land\}/,
    ],
    [
      'a pattern for what the topic lacks',
      { ...WEATHER, parameters: { town: 'a' } },
      /^sources\[0\]\.parameters\.town: .*one of city/,
    ],
    [
      'a pattern that is none',
      { ...WEATHER, parameters: { city: '[a-' } },
      /^sources\[0\]\.parameters\.city: .*a regular expression/,
    ],
    [
      'a pattern that breaks out of its anchors',
      { ...WEATHER, parameters: { city: 'a)|(b' } },
      /parameters\.city: /,
    ],
    [
      'a pattern that a name can make slow',
      { ...WEATHER, parameters: { city: '(a+)+' } },
      /parameters\.city: .*make slow/,
    ],
    [
      'a URL with what the topic lacks',
      { ...WEATHER, fetch: 'https://a.example/{city}/{town}' },
      /^sources\[0\]\.fetch: found \{town\}/,
    ],
    [
      'a parameter as the host',
      { ...WEATHER, fetch: { url: 'https://{city}.example/' } },
      /^sources\[0\]\.fetch\.url: .*before the path/,
    ],
    [
      'a parameter as the host after a third slash',
      { ...WEATHER, fetch: { url: 'https:///{city}/' } },
      /fetch\.url: .*before the path/,
    ],
    ['a parameter as the port', { ...WEATHER, fetch: { url: 'https://a.example:{city}/' } }, /fetch\.url/],
    ['a parameter as the user', { ...WEATHER, fetch: { url: 'https://{city}@a.example/' } }, /fetch\.url/],
    ['a parameter in the fragment', { ...WEATHER, fetch: 'https://a.example/#{city}' }, /in the fragment/],
    ['a parameter in an escape', { ...WEATHER, fetch: 'https://a.example/%2{city}' }, /percent-escape/],
    ['a line break in the URL', { ...WEATHER, fetch: 'https://\t/{city}' }, /sources\[0\]\.fetch/],
    [
      'when: always',
      { ...WEATHER, when: 'always' },
      /^sources\[0\]\.when: found "always", expected subscribed/,
    ],
    [
      'a sink for all topics at once',
      { ...WEATHER, sinks: [{ file: './all.json' }] },
      /^sources\[0\]\.sinks\[0\]: .*\{city\}/,
    ],
    [
      'a sink that two topics may share',
      {
        topic: 'w/{a}/{b}',
        every: '1s',
        fetch: 'https://a.example/{a}/{b}',
        sinks: [{ file: './{a}-{b}.json' }],
      },
      /^sources\[0\]\.sinks\[0\]: .*between two of them/,
    ],
  ])('is refused with %s', (_name, source, message) => {
    const problems = problemsOf(source);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });

  it('is refused beside another that serves the same topic', () => {
    expect(problemsOf(WEATHER, { ...WEATHER, topic: 'weather/oslo', fetch: 'https://a.example/' })).toEqual([
      expect.stringContaining('sources[1].topic: '),
    ]);
    const other = { ...WEATHER, topic: 'weather/{id}', fetch: 'https://a.example/{id}' };
    expect(problemsOf(WEATHER, other)).toEqual([expect.stringContaining('sources[1].topic: ')]);
  });
});

describe('a source without parameters', () => {
  it('may have neither max, patterns nor parameters in its URL', () => {
    const plain = { topic: 'weather', every: '1s', fetch: 'https://a.example/' } as const;
    expect(problemsOf(plain)).toEqual([]);
    expect(problemsOf({ ...plain, max: 5 })).toEqual([expect.stringContaining('sources[0].max: ')]);
    expect(problemsOf({ ...plain, parameters: { a: 'b' } })).toEqual([
      expect.stringContaining('parameters.a: '),
    ]);
    expect(problemsOf({ ...plain, fetch: 'https://a.example/{city}' })).toEqual([
      expect.stringContaining('sources[0].fetch: found {city}'),
    ]);
  });
});

describe('the cost of a pattern', () => {
  it.each([
    ['abc', 1],
    ['a|b|c', 3],
    ['[a-z-]{1,40}', 40],
    ['a?', 2],
    ['\\d{4}', 1],
    ['[^\\]]*', 256],
    ['(?:ab?){2}', 4],
    ['(?<year>\\d{1,4})-\\d{1,2}', 8],
    ['\\(+', 255],
  ])('%s can be matched in %d ways at most', (pattern, cost) => {
    expect(patternCost(pattern)).toBe(cost);
  });

  it.each(['(a+)+', '(a|a)*', '(?:a*)*', '(a?){60}', '(?=a+)(?:b+)+', 'a*a*a*'])(
    '%s is out of all bounds',
    (pattern) => {
      expect(patternCost(pattern)).toBeGreaterThan(1_000_000);
    },
  );
});
