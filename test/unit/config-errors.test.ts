import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../server/config/load.js';
import { parseConfig } from '../../server/config/parse.js';
import { ConfigError } from '../../server/config/problem.js';
import type { ConfigInput } from '../../server/config/schema.js';
import { HeadwaterError } from '../../shared/errors.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function errorOf(name: string, text: string, environment = {}): Promise<HeadwaterError> {
  await writeFile(join(directory, name), text);
  const error: unknown = await loadConfig({ file: name, directory, environment }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(HeadwaterError);
  return error as HeadwaterError;
}

async function problemsOf(text: string, name = 'a.yaml'): Promise<string[]> {
  const error = await errorOf(name, text);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const SOURCE = 'topic: q, every: 1s';

describe('a problem of a configuration file', () => {
  it.each([
    [
      'a misspelt key',
      'htpp: {}',
      /^1 htpp: found the unknown key "htpp", expected one of .*; did you mean "http"\?$/,
    ],
    [
      'a misspelt key further in',
      'http:\n  prot: 1',
      /^2 http\.prot: .*expected one of host, port, tls, origins; did you mean "port"\?$/,
    ],
    ['a key in the wrong object', 'port: 8080', /^1 port: .*did you mean "http\.port"\?$/],
    ['a key that a prototype would swallow', '__proto__: 1', /^1 __proto__: found the unknown key/],
    [
      'an interval beyond a year',
      'sources: [{ topic: q, every: 9000h, fetch: http://a }]',
      /^1 sources\[0\]\.every: found "9000h", expected a duration of at most 8760h$/,
    ],
    [
      'a time that no timer waits',
      'heartbeat: 720h',
      /^1 heartbeat: found "720h", expected a duration of at most 596h$/,
    ],
    ['a key of a later version', 'workers: 2', /^1 workers: not available in this version/],
    [
      'a batch beside a fetch',
      "sources: [{ topic: 'p/{s}', every: 1s, batch: { url: 'http://a/{s}' }, fetch: 'http://a/{s}' }]",
      /^1 sources\[0\]\.batch: found batch beside fetch, expected one of the two$/,
    ],
    [
      'a batch for one topic',
      'sources: [{ topic: p, every: 1s, batch: { url: http://a } }]',
      /^1 sources\[0\]\.topic: found "p", expected a topic with a \{parameter\}/,
    ],
    [
      'a batch whose URL has no place for the names',
      "sources: [{ topic: 'p/{m}/{s}', every: 1s, batch: { url: 'http://a/{m}', headers: { x: '{s}' } } }]",
      /^1 sources\[0\]\.batch\.url: found "http:\/\/a\/\{m\}", expected \{s\} in it, for the names/,
    ],
    [
      'a batch that asks for nobody',
      "sources: [{ topic: 'p/{s}', every: 1s, batch: { url: 'http://a/{s}', max: 0 } }]",
      /^1 sources\[0\]\.batch\.max: found 0, expected a whole number, from 1 to 10000$/,
    ],
    [
      'a strategy that does not exist',
      `sources: [{ ${SOURCE}, fetch: { strategy: fist, urls: [http://a] } }]`,
      /^1 sources\[0\]\.fetch\.strategy: found "fist", expected one of all, first, .*did you mean "first"\?$/,
    ],
    [
      'a strategy without URLs',
      `sources: [{ ${SOURCE}, fetch: { strategy: first } }]`,
      /^1 sources\[0\]\.fetch: found an object, expected a URL, or one of/,
    ],
    [
      'no URL in the list of URLs',
      `sources: [{ ${SOURCE}, fetch: { strategy: all, urls: {} } }]`,
      /^1 sources\[0\]\.fetch\.urls: found an object, expected one URL or more$/,
    ],
    [
      'a URL without a scheme among several',
      `sources: [{ ${SOURCE}, fetch: { strategy: all, urls: { eu: http://a, us: b } } }]`,
      /^1 sources\[0\]\.fetch\.urls\.us: found "b", expected an absolute URL/,
    ],
    [
      'a hedge that is no duration',
      `sources: [{ ${SOURCE}, fetch: { strategy: first, urls: [http://a], hedge: p99 } }]`,
      /^1 sources\[0\]\.fetch\.hedge: found "p99", expected a duration .*, or p95$/,
    ],
    [
      'a hedge where nothing races',
      `sources: [{ ${SOURCE}, fetch: { strategy: fallback, urls: [http://a], hedge: 1s } }]`,
      /^1 sources\[0\]\.fetch\.hedge: found "1s", expected none: it belongs to the strategy first$/,
    ],
    [
      'a quorum of more URLs than there are',
      `sources: [{ ${SOURCE}, fetch: { strategy: quorum, need: 3, urls: [http://a, http://b] } }]`,
      /^1 sources\[0\]\.fetch\.need: found 3, expected how many of the URLs must agree, from 1 to 2$/,
    ],
    [
      'a pointer that is none',
      `sources: [{ ${SOURCE}, fetch: { url: http://a, newer: asOf } }]`,
      /^1 sources\[0\]\.fetch\.newer: found "asOf", expected a JSON pointer such as \/rates$/,
    ],
    [
      'an adaptive interval that is shorter than the interval',
      `sources: [{ ${SOURCE}, fetch: http://a, adaptive: 500ms }]`,
      /^1 sources\[0\]\.adaptive: found "500ms", expected a duration no shorter than every, 1s$/,
    ],
    [
      'an age of nothing',
      `sources: [{ ${SOURCE}, fetch: http://a, maxAge: 0 }]`,
      /^1 sources\[0\]\.maxAge: found 0, expected a duration such as .*, above 0$/,
    ],
    [
      'a port for races that is none',
      'tcp: { race: { port: -1 } }',
      /^1 tcp\.race\.port: found -1, expected a whole number, from 0 to 65535$/,
    ],
    [
      'a wrong word',
      'topics: [{ topic: t, kind: events }]',
      /kind: found "events", expected one of state, event; did you mean "event"\?$/,
    ],
    [
      'a port out of range',
      'http: { port: 65536 }',
      /^1 http\.port: found 65536, expected a whole number, from 0 to 65535$/,
    ],
    [
      'a fraction',
      'limits: { topics: 1.5 }',
      /^1 limits\.topics: found 1\.5, expected a whole number, 0 or more$/,
    ],
    ['text for a number', 'limits: { topics: many }', /found "many", expected a whole number/],
    ['nothing for an object', 'http:', /^1 http: found null, expected an object$/],
    ['an object for a list', 'sources: {}', /^1 sources: found an object, expected a list$/],
    ['a list for the whole', '- a', /^1 : found a list, expected an object$/],
    [
      'a duration without a unit',
      'heartbeat: 25',
      /^1 heartbeat: found 25, expected a duration with its unit, 25ms or 25s$/,
    ],
    [
      'a nested duration without a unit',
      `sources: [{ ${SOURCE}, fetch: { url: http://a, timeout: 5 } }]`,
      /timeout: found 5, expected a duration with its unit, 5ms or 5s$/,
    ],
    ['an unknown unit', 'heartbeat: 1d', /^1 heartbeat: found "1d", expected a duration such as 250ms/],
    [
      'a negative interval',
      'sources: [{ topic: q, every: -1s, fetch: http://a }]',
      /every: found "-1s", expected a duration .*above 0$/,
    ],
    [
      'an interval of zero',
      'sources: [{ topic: q, every: 0, fetch: http://a }]',
      /every: found 0, expected a duration .*above 0$/,
    ],
    [
      'a missing interval',
      'sources:\n  - topic: q\n    fetch: http://a',
      /^2 sources\[0\]\.every: found nothing, expected a duration/,
    ],
    ['a missing fetch', `sources: [{ ${SOURCE} }]`, /fetch: found nothing, expected a URL, or one of/],
    [
      'a fetch of no known form',
      `sources: [{ ${SOURCE}, fetch: { ulr: http://a } }]`,
      /fetch\.ulr: found the unknown key "ulr", expected one of url, urls, stream, file, redis, system; did you mean "url"\?$/,
    ],
    [
      'a fetch of two forms',
      `sources: [{ ${SOURCE}, fetch: { file: a.json, url: http://a } }]`,
      /fetch\.file: found the unknown key "file", expected one of url, timeout/,
    ],
    [
      'a URL without a scheme',
      `sources: [{ ${SOURCE}, fetch: api.example/q }]`,
      /fetch: found "api\.example\/q", expected an absolute URL that begins with http/,
    ],
    [
      'a URL that is not http',
      `sources: [{ ${SOURCE}, fetch: 'ftp://a/q' }]`,
      /found "ftp:\/\/a\/q", expected an absolute URL/,
    ],
    [
      'a bad header name',
      `sources: [{ ${SOURCE}, fetch: { url: http://a, headers: { 'x y': z } } }]`,
      /headers\["x y"\]: found the key "x y", expected a header name/,
    ],
    [
      'a header with a line break',
      `sources: [{ ${SOURCE}, fetch: { url: http://a, headers: { x: "a\\nb" } } }]`,
      /headers\.x: found a value that is kept secret, expected text without line breaks/,
    ],
    ['a bad topic name', 'topics: [{ topic: a//b }]', /topic: found "a\/\/b", expected a topic name/],
    ['a topic that URLs would fold away', 'topics: [{ topic: a/../b }]', /expected a topic name/],
    ['a parameter within a segment', "topics: [{ topic: 'a-{x}' }]", /expected a topic name/],
    [
      'a source with a parameter that it does not use',
      "sources: [{ topic: 'w/{city}', every: 1s, fetch: http://a }]",
      /^1 sources\[0\]\.topic: found the parameter \{city\}, which nothing uses, expected it in a URL/,
    ],
    [
      'two sources of one topic',
      `sources: [{ ${SOURCE}, fetch: http://a }, { ${SOURCE}, fetch: http://b }]`,
      /^1 sources\[1\]\.topic: found "q", expected a topic of its own: sources\[0\]\.topic has "q" already$/,
    ],
    [
      'a source within a declared pattern',
      `topics: [{ topic: 'c/{x}' }]\nsources: [{ topic: c/d, every: 1s, fetch: http://a }]`,
      /^2 sources\[0\]\.topic: .*topics\[0\]\.topic has "c\/\{x\}" already$/,
    ],
    [
      'two patterns that overlap',
      "topics: [{ topic: 'c/{x}' }, { topic: 'c/{y}' }]",
      /topics\[1\]\.topic: found "c\/\{y\}", expected a topic of its own/,
    ],
    [
      'an origin with a path',
      "http: { origins: ['https://a.example/x'] }",
      /origins\[0\]: found "https:\/\/a\.example\/x", expected an origin/,
    ],
    [
      'a TLS file that is not there',
      'http:\n  tls: { cert: no.pem, key: no.key }',
      /^2 http\.tls\.cert: found ".*no\.pem", expected the path of a PEM file: .*no such file/,
    ],
  ])('tells of %s: where, what stood there and what was expected', async (_, text, expected) => {
    expect(await problemsOf(text)).toContainEqual(expect.stringMatching(expected));
  });

  it('is told together with all the others, in the order of the file', async () => {
    const text = `http: { port: x }\nloop: uvw\nsources:\n  - { topic: q, every: 1, fetch: a }\n  - { topic: q, evry: 1s, fetch: { system: false } }`;
    expect((await problemsOf(text)).map((problem) => problem.split(':')[0])).toEqual([
      '1 http.port',
      '2 loop',
      '4 sources[0].every',
      '4 sources[0].fetch',
      '5 sources[1].every',
      '5 sources[1].topic',
      '5 sources[1].evry',
      '5 sources[1].fetch.system',
    ]);
  });

  it('stands in one message that names the file and lists every place', async () => {
    const error = await errorOf('b.yaml', 'lop: uws\nhttp: { port: 99999 }');
    expect(error.code).toBe('config_invalid');
    expect(error.message).toBe(
      [
        'b.yaml has 2 problems:',
        '  line 1, lop: found the unknown key "lop", expected one of loop, http, tcp, redis, auth, limits, hosts, metrics, state, flush, heartbeat, drainTimeout, topics, sources; did you mean "loop"?',
        '  line 2, http.port: found 99999, expected a whole number, from 0 to 65535',
      ].join('\n'),
    );
  });

  it('never shows a token, a header or a password', async () => {
    const { message } = await errorOf(
      'secret.yaml',
      `auth: { publish: { tokens: [s3cret, 's p a c e'] } }\nsources: [{ ${SOURCE}, fetch: { url: 'htp://me:hunter2@h', headers: { a: [s3cret] } } }]`,
    );
    expect(message).toContain('auth.publish.tokens[0]: found a value that is kept secret');
    expect(message).toContain('htp://(secret)@h');
    expect(message).not.toMatch(/s3cret|hunter2|s p a c e/);
  });

  it('has its line in JSON too', async () => {
    expect(await problemsOf('{\n  "http": {\n    "prot": 1\n  }\n}', 'a.json')).toEqual([
      expect.stringMatching(/^3 http\.prot: found the unknown key/),
    ]);
  });
});

describe('a file that cannot be a configuration', () => {
  it.each([
    ['bad.yaml', 'a: [1', /^bad\.yaml has one problem:\n {2}line 1: /],
    [
      'braces.yaml',
      'sources:\n  - { topic: price/{symbol}, every: 1s }\nhttp: { port: 1 }',
      /^braces\.yaml has one problem:\n {2}line 2: Unexpected flow-map-start .*; text with braces has to be quoted, as in 'price\/\{symbol\}'$/,
    ],
    [
      'quoted.yaml',
      "topics: [{ topic: 'price/{symbol}' }}",
      /^quoted\.yaml has one problem:\n {2}line 1: [^;]*$/,
    ],
    ['twice.yaml', 'loop: uws\nloop: libuv', /line 2: Map keys must be unique/],
    ['tag.yaml', 'loop: !wat uws', /line 1: .*tag/],
    ['bad.json', '{\n  "a": 1,\n}', /line 3: no valid JSON: /],
    ['comment.json', '{ // no\n}', /line 1: no valid JSON: /],
  ])('%s is refused with the line', async (name, text, message) => {
    const error = await errorOf(name, text);
    expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(message) });
  });

  it('whose aliases double one another is refused, before it fills the memory', async () => {
    const levels = [...'abcdefg'].map((name, i, names) => {
      const item = i === 0 ? 'x' : `*${names[i - 1]}`;
      return `${name}: &${name} [${Array(9).fill(item).join(', ')}]`;
    });
    const error = await errorOf('aliases.yaml', `${levels.join('\n')}\nsources: *g`);
    expect(error).toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/^aliases\.yaml has one problem:\n {2}its aliases make too much: /),
    });
  });

  it('whose alias lies in what it stands for is refused', async () => {
    const error = await errorOf('circle.yaml', 'loop: uws\nsources: &a [*a]');
    expect(error.message).toContain('line 2: the alias *a lies in what it stands for');
  });

  it.each([
    ['throws.ts', "throw new Error('boom')", /^throws\.ts cannot be read: .*boom/],
    ['syntax.ts', 'export default {', /^syntax\.ts cannot be read: /],
    ['a.toml', '', /^a\.toml is no configuration file: its name must end in/],
  ])('%s is unreadable, and says why', async (name, text, message) => {
    const error = await errorOf(name, text);
    expect(error).toMatchObject({ code: 'config_unreadable', message: expect.stringMatching(message) });
  });

  it.each(['gone.yaml', 'gone.ts'])('%s that is not there is unreadable', async (file) => {
    await expect(loadConfig({ file, directory, environment: {} })).rejects.toMatchObject({
      code: 'config_unreadable',
      message: `${file} cannot be read: there is no such file`,
    });
  });
});

describe('a configuration made in code', () => {
  it('reports its problems by path, without a line', () => {
    expect(() => parseConfig({ http: { prot: 1 } } as unknown as ConfigInput)).toThrow(
      /^the configuration has one problem:\n {2}http\.prot: found the unknown key "prot"/,
    );
  });

  it('may give durations as milliseconds', () => {
    expect(parseConfig({ heartbeat: 5000 }).heartbeat).toBe(5000);
  });

  it('comes back as it is once it was checked', () => {
    const config = parseConfig({
      loop: 'auto',
      tcp: { echo: {} },
      topics: [{ topic: 'chat/{room}', kind: 'event' }],
      sources: [
        { topic: 'a', every: '1s', fetch: 'http://a.example' },
        { topic: 'b', every: '1s', fetch: { file: './b.json' } },
        { topic: 'c', every: '1s', fetch: { system: true } },
        { topic: 'd', every: '1s', fetch: () => 1 },
      ],
    });
    expect(parseConfig(config)).toEqual(config);
  });
});
