import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../server/config/load.js';
import { parseConfig } from '../../server/config/parse.js';
import { ConfigError } from '../../server/config/problem.js';
import { redactConfig } from '../../server/config/redact.js';

async function load(text: string, environment = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-config-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'a.yaml'), text);
  return { directory, ...(await loadConfig({ file: 'a.yaml', directory, environment })) };
}

async function problemsOf(text: string): Promise<string[]> {
  const error: unknown = await load(text).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const source = (rest: string) => `redis: { url: redis://h }\nsources: [{ topic: t, every: 1s, ${rest} }]`;
const fetched = (place: string) => source(`fetch: { redis: ${place} }`);
const sunk = (sinks: string) => source(`fetch: http://a, sinks: [${sinks}]`);

describe('a configuration with Redis, sinks and transforms', () => {
  it('has the URL of Redis from its environment, and does not show the password', async () => {
    const { config, written } = await load('{}', { HEADWATER_REDIS_URL: 'redis://me:pw@h:1/2' });
    expect(config.redis).toEqual({ url: 'redis://me:pw@h:1/2' });
    expect(JSON.stringify(redactConfig(config, written))).not.toContain('pw');
  });

  it('finds modules and files beside itself', async () => {
    const { config, directory } = await load(
      source('fetch: { redis: { key: a } }, transform: { module: ./m.js }, sinks: [{ file: ./a.json }]'),
    );
    expect(config.sources[0]).toMatchObject({
      transform: { module: join(directory, 'm.js'), run: 'inline', export: 'default', timeout: 5_000 },
      sinks: [{ file: join(directory, 'a.json') }],
    });
  });

  it('takes a function for a transform in code, and comes back as it is', () => {
    const transform = (value: unknown) => value;
    const config = parseConfig({ sources: [{ topic: 't', every: 1, fetch: 'http://a', transform }] });
    expect(config.sources[0]?.transform).toBe(transform);
    expect(parseConfig(config)).toEqual(config);
  });
});

describe('a problem with Redis, sinks and transforms', () => {
  it.each([
    [
      'no URL of a Redis',
      'redis: { url: http://a }',
      /^1 redis\.url: found "http:\/\/a", expected a URL such/,
    ],
    [
      'no database',
      'redis: { url: redis://h/db }',
      /^1 redis\.url: found "redis:\/\/h\/db", expected a URL such/,
    ],
    [
      'no URL at all',
      'sources: [{ topic: t, every: 1s, fetch: { redis: { key: k } } }]',
      /^1 sources\[0\]\.fetch\.redis\.url: found nothing, expected a URL .* or for all as redis\.url$/,
    ],
    [
      'no URL for a sink',
      'sources: [{ topic: t, every: 1s, fetch: http://a, sinks: [{ redis: { key: k } }] }]',
      /^1 sources\[0\]\.sinks\[0\]\.redis\.url: found nothing/,
    ],
    [
      'nothing to read',
      fetched('{}'),
      /fetch\.redis: found an object, expected one of key, hash, stream, cha/,
    ],
    ['two things to read', fetched('{ key: a, hash: b }'), /expected one of .*, not key and hash at once$/],
    ['a misspelt key', fetched('{ chanel: a }'), /redis\.chanel: .* did you mean "channel"\?$/],
    ['a field without its hash', fetched('{ key: a, field: b }'), /field: found "b", expected no field with/],
    ['no sink', sunk('{}'), /sinks\[0\]: found an object, expected one of redis, file$/],
    [
      'a hash without a field',
      sunk('{ redis: { hash: a } }'),
      /redis\.field: found nothing, expected the na/,
    ],
    [
      'a cap without a stream',
      sunk('{ redis: { key: a, cap: 1 } }'),
      /cap: found 1, expected no cap without/,
    ],
    [
      'a lifetime without its unit',
      sunk('{ redis: { key: a, ttl: 5 } }'),
      /ttl: found 5, expected a duration/,
    ],
    [
      'two sinks in one place',
      sunk('{ file: a }, { file: a }'),
      /sinks\[1\]: found the place that sources\[0\]\.sinks\[0\] writes to already, expected one of its own$/,
    ],
    [
      'a transform that is no module',
      source('fetch: http://a, transform: ./m.js'),
      /^2 sources\[0\]\.transform: found "\.\/m\.js", expected \{ module: \.\/board\.js, run: thread \}/,
    ],
    [
      'a transform that runs nowhere',
      source('fetch: http://a, transform: { module: m, run: treads }'),
      /run: found "treads", expected one of inline, thread, process; did you mean "thread"\?$/,
    ],
    [
      'a transform without a module',
      source('fetch: http://a, transform: {}'),
      /module: found nothing, expec/,
    ],
    [
      'an unknown key of a transform',
      source('fetch: http://a, transform: { module: m, runs: thread }'),
      /transform\.runs: found the unknown key "runs", expected one of module, run.*did you mean "run"\?$/,
    ],
    [
      'a time without its unit',
      source('fetch: http://a, transform: { module: m, timeout: 5 }'),
      /timeout: found 5, expected a duration with its unit/,
    ],
  ])('is told: %s', async (_name, text, message) => {
    expect(await problemsOf(text)).toEqual([expect.stringMatching(message)]);
  });
});
