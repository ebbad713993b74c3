import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../server/config/load.js';
import { parseConfig } from '../../server/config/parse.js';
import { ConfigError } from '../../server/config/problem.js';
import { redactConfig } from '../../server/config/redact.js';
import type { ConfigInput } from '../../server/config/schema.js';

async function load(fetch: string, environment = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-config-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const text = `sources:\n  - topic: t\n    every: 1s\n    fetch: { url: http://a, ${fetch} }\n`;
  await writeFile(join(directory, 'a.yaml'), text);
  return loadConfig({ file: 'a.yaml', directory, environment });
}

async function problemsOf(fetch: string): Promise<string[]> {
  const error: unknown = await load(fetch).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

describe('what a source sends', () => {
  it.each([
    [
      'a method that is none of ours',
      'method: PUT',
      /fetch\.method: found "PUT", expected one of GET, POST$/,
    ],
    [
      'a GET with a body',
      'method: GET, body: x',
      /fetch\.method: found "GET", expected POST, since there is/,
    ],
    [
      'a GET of GraphQL',
      "method: GET, graphql: { query: '{a}' }",
      /fetch\.method: found "GET", expected POST/,
    ],
    [
      'two bodies',
      "body: x, graphql: { query: '{a}' }",
      /fetch\.body: found a value that is kept secret, expected none: graphql makes the body$/,
    ],
    [
      'a body that is no JSON',
      'body: { a: [.nan] }',
      /fetch\.body: found an object, expected a value that JSON/,
    ],
    [
      'GraphQL without a query',
      'graphql: {}',
      /fetch\.graphql\.query: found nothing, expected a GraphQL query$/,
    ],
    [
      'a misspelt key of GraphQL',
      "graphql: { query: '{a}', variabels: {} }",
      /fetch\.graphql\.variabels: found the unknown key .*; did you mean "variables"\?$/,
    ],
    [
      'variables that are a list',
      "graphql: { query: '{a}', variables: [] }",
      /fetch\.graphql\.variables: found a list, expected an object$/,
    ],
  ])('tells of %s', async (_name, fetch, expected) => {
    expect(await problemsOf(fetch)).toEqual([expect.stringMatching(expected)]);
    expect((await problemsOf(fetch))[0]).toMatch(/^4 sources\[0\]\./);
  });

  it('is checked where there are several URLs, too', () => {
    const sources: ConfigInput['sources'] = [
      { topic: 't', every: 1, fetch: { strategy: 'first', urls: ['http://a'], method: 'GET', body: 1 } },
    ];
    expect(() => parseConfig({ sources })).toThrow('fetch.method: found "GET", expected POST');
  });

  it('takes secrets from the environment, at any depth, and does not show them', async () => {
    const environment = { KEY: 's3cret' };
    const fetch = "body: { auth: { keys: ['k ${KEY}'] } }";
    const { config, written } = await load(fetch, environment);
    expect(config.sources[0]!.fetch).toMatchObject({ body: { auth: { keys: ['k s3cret'] } } });
    expect(JSON.stringify(redactConfig(config, written))).not.toContain('s3cret');

    const operation = "graphql: { query: '{a}', variables: { key: '${KEY}' } }";
    const graphql = await load(operation, environment);
    expect(graphql.config.sources[0]!.fetch).toMatchObject({ graphql: { variables: { key: 's3cret' } } });
    const shown = JSON.stringify(redactConfig(graphql.config, graphql.written));
    expect(shown).not.toContain('s3cret');
    expect(shown).toContain('{a}');
  });

  it('comes back as it is once it was checked', () => {
    const sources: ConfigInput['sources'] = [
      { topic: 'a', every: 1, fetch: { url: 'http://a', body: null } },
      { topic: 'b', every: 1, fetch: { url: 'http://a', graphql: { query: '{a}', variables: { b: [1] } } } },
      { topic: 'c', every: 1, fetch: { url: 'http://a', select: 'a.b', array: { key: '/id' } } },
    ];
    const config = parseConfig({ sources });
    expect(parseConfig(config)).toEqual(config);
  });
});

describe('what a source keeps', () => {
  it.each([
    [
      'an empty selection',
      "select: ''",
      /fetch\.select: found "", expected a JSON pointer such as \/rates, or a JSONata/,
    ],
    ['no text', 'select: 1', /fetch\.select: found 1, expected a JSON pointer such as \/rates, or a JSONata/],
    [
      'a pointer that is none',
      "select: '/a~b'",
      /fetch\.select: found "\/a~b", expected a JSON pointer such as \/rates$/,
    ],
    [
      'a fragment that is none',
      "select: '#/a%'",
      /fetch\.select: found "#\/a%", expected a JSON pointer such as/,
    ],
    [
      'an expression that is none',
      "select: 'rates[eur'",
      /fetch\.select: found "rates\[eur", expected .*: Expected "\]" before end of expression at character 9$/,
    ],
    [
      'no key',
      'array: {}',
      /fetch\.array\.key: found nothing, expected the name of a field, or a JSON pointer/,
    ],
    ['a key that is no pointer', "array: { key: '/~' }", /fetch\.array\.key: found "\/~", expected the name/],
    ['a key in the wrong place', 'array: id', /fetch\.array: found "id", expected an object$/],
    [
      'a misspelt key',
      'array: { kye: id }',
      /fetch\.array\.kye: found the unknown key .*did you mean "key"\?$/,
    ],
  ])('tells of %s', async (_name, fetch, expected) => {
    expect(await problemsOf(fetch)).toContainEqual(expect.stringMatching(expected));
  });
});
