import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadOptions, loadConfig } from '../../server/config/load.js';
import { parseConfig } from '../../server/config/parse.js';
import { redactConfig } from '../../server/config/redact.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-config-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(directory, name), text);
const load = (options: LoadOptions = {}) => loadConfig({ directory, environment: {}, ...options });

const YAML = `
http: { port: 9001 }
sources:
  - { topic: quotes, every: 1s, fetch: http://a.example/q }
`;
const JSON_TEXT = `{"http":{"port":9001},"sources":[{"topic":"quotes","every":"1s","fetch":"http://a.example/q"}]}`;
const CODE = `export default { http: { port: 9001 }, sources: [{ topic: 'quotes', every: '1s', fetch: 'http://a.example/q' }] }`;
const TYPED = `interface Quote { symbol: string }
const label: Quote['symbol'] = 'quotes';
${CODE.replace("'quotes'", 'label')}`;

describe('loading', () => {
  it.each([
    ['headwater.config.yaml', YAML],
    ['headwater.config.yml', YAML],
    ['headwater.config.json', JSON_TEXT],
    ['headwater.config.js', CODE],
    ['headwater.config.ts', TYPED],
  ])('finds and reads %s', async (name, text) => {
    await write(name, text);
    const loaded = await load();
    expect(loaded).toMatchObject({ name, isDemo: false, warnings: [] });
    expect(loaded.config.http.port).toBe(9001);
    expect(loaded.config.sources).toEqual([
      {
        topic: 'quotes',
        kind: 'state',
        history: { count: 256, bytes: 1_048_576 },
        every: 1000,
        when: 'subscribed',
        linger: 30_000,
        fetch: { url: 'http://a.example/q', timeout: 10_000, headers: {}, maxBytes: 16_777_216 },
        sinks: [],
      },
    ]);
  });

  it('gives the limits the defaults that are documented', () => {
    expect(parseConfig({}).limits).toEqual({
      connections: 20_000,
      connectionsPerAddress: 0,
      subscriptionsPerConnection: 100,
      messagesPerSecond: 200,
      messageBytes: 65_536,
      publishesPerSecond: 1_000,
      acceptPerSecond: 5_000,
      urlBytes: 8_192,
      headerBytes: 16_384,
      topics: 10_000,
      outboxBytes: 1_048_576,
      slowTimeout: 30_000,
    });
  });

  it('serves the demo where there is no file', async () => {
    const { config, isDemo, name } = await load();
    expect({ isDemo, name }).toEqual({ isDemo: true, name: 'the built-in demo' });
    expect(config.tcp.echo?.port).toBe(7007);
    expect(config.sources.map(({ topic }) => topic)).toContain('system/vitals');
  });

  it('refuses to choose between two files, and names both', async () => {
    await write('headwater.config.yaml', YAML);
    await write('headwater.config.ts', CODE);
    await expect(load()).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/headwater\.config\.ts and headwater\.config\.yaml.*--config/),
    });
    expect((await load({ file: 'headwater.config.yaml' })).name).toBe('headwater.config.yaml');
  });

  it('keeps a function of a file in code', async () => {
    await write(
      'a.ts',
      `export default { sources: [{ topic: 't', every: 500, fetch: async ({ previous }) => previous ?? 42 }] }`,
    );
    const { config } = await load({ file: 'a.ts' });
    const [source] = config.sources;
    expect(source).toMatchObject({ every: 500, fetch: expect.any(Function) });
    const fetch = source!.fetch as (context: object) => unknown;
    await expect(fetch({})).resolves.toBe(42);
  });

  it('resolves paths against the file, not the working directory', async () => {
    await mkdir(join(directory, 'sub'));
    await write('sub/a.yaml', 'sources: [{ topic: t, every: 1s, fetch: { file: ./t.json } }]');
    const { config } = await load({ file: 'sub/a.yaml' });
    expect(config.sources[0]?.fetch).toEqual({ file: join(directory, 'sub', 't.json') });
  });

  it('warns of a file that gives it nothing to do', async () => {
    await write('empty.yaml', '');
    expect((await load({ file: 'empty.yaml' })).warnings).toEqual([
      'there is nothing to serve: no sources, no topics, no echo',
    ]);
  });
});

describe('what overrides the file', () => {
  beforeEach(() => write('headwater.config.yaml', YAML));
  const flag = (value: string) => [{ path: ['http', 'port'], value, setBy: '--port' }];

  it('is the environment', async () => {
    const { config, warnings } = await load({
      environment: {
        HEADWATER_HTTP_PORT: '9002',
        HEADWATER_LOOP: 'auto',
        HEADWATER_TCP_ECHO_PORT: '7',
        HEADWATER_LIMITS_OUTBOX_BYTES: '1000',
        HEADWATER_LIMITS_SLOW_TIMEOUT: '5s',
        HEADWATER_HTTP_ORIGINS: 'https://a.example, https://b.example',
        HEADWATER_AUTH_PUBLISH_TOKENS: 'first-token,second-token',
      },
    });
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      loop: 'auto',
      http: { port: 9002, origins: ['https://a.example', 'https://b.example'] },
      tcp: { echo: { host: '127.0.0.1', port: 7 } },
      limits: { outboxBytes: 1000, slowTimeout: 5000 },
      auth: { publish: { tokens: ['first-token', 'second-token'] } },
    });
  });

  it('is a flag, over the environment too', async () => {
    const { config } = await load({ environment: { HEADWATER_HTTP_PORT: '9002' }, flags: flag('9003') });
    expect(config.http.port).toBe(9003);
  });

  it('is named in the error where it is wrong, whatever the file says', async () => {
    await expect(load({ environment: { HEADWATER_HTTP_PORT: 'x' } })).rejects.toThrow(
      'HEADWATER_HTTP_PORT, http.port: found "x", expected a whole number, from 0 to 65535',
    );
    await expect(load({ environment: { HEADWATER_HTTP_PORT: 'x' }, flags: flag('y') })).rejects.toThrow(
      '--port, http.port: found "y"',
    );
  });

  it('does not cover up a mistake in the file', async () => {
    await write('headwater.config.yaml', 'http: 5');
    await expect(load({ flags: flag('9003') })).rejects.toThrow('expected an object');
  });

  it('is told of where it sets nothing, with the nearest name', async () => {
    const { warnings } = await load({
      environment: { HEADWATER_HTP_PORT: '1', HEADWATER_SERVICE_HOST: 'h' },
    });
    expect(warnings).toEqual([
      'the environment variable HEADWATER_HTP_PORT sets nothing; did you mean HEADWATER_HTTP_PORT?',
      'the environment variable HEADWATER_SERVICE_HOST sets nothing',
    ]);
  });
});

describe('${NAME} in a string', () => {
  const withSource = (fetch: string) =>
    write('a.yaml', `sources: [{ topic: t, every: 1s, fetch: ${fetch} }]`);

  it('is replaced by the environment variable, in keys of any kind', async () => {
    await write('a.yaml', 'http: { port: "${PORT}" }\nheartbeat: ${BEAT}');
    const { config } = await load({ file: 'a.yaml', environment: { PORT: '81', BEAT: '9s' } });
    expect(config).toMatchObject({ http: { port: 81 }, heartbeat: 9000 });
  });

  it('is an error where the variable is not set, with its name and place', async () => {
    await withSource("'http://h/?key=${API_KEY}'");
    await expect(load({ file: 'a.yaml' })).rejects.toThrow(
      'line 1, sources[0].fetch: the environment variable API_KEY is not set',
    );
  });

  it.each(['${}', '${A-B}', '${open'])('is an error where it is malformed: %s', async (text) => {
    await withSource(`'http://h/${text}'`);
    await expect(load({ file: 'a.yaml' })).rejects.toThrow('expected ${NAME} of an environment variable');
  });

  it('stays as it is where it is escaped', async () => {
    await withSource("{ url: http://h, headers: { x: 'a$${B}c' } }");
    const { config } = await load({ file: 'a.yaml' });
    expect(config.sources[0]?.fetch).toMatchObject({ headers: { x: 'a${B}c' } });
  });

  it('may use a HEADWATER_ name without a warning', async () => {
    await withSource("{ url: http://h, headers: { x: '${HEADWATER_KEY}' } }");
    expect((await load({ file: 'a.yaml', environment: { HEADWATER_KEY: 'k' } })).warnings).toEqual([]);
  });

  it('never shows its value in an error', async () => {
    await withSource("'${SECRET}'");
    const error: unknown = await load({ file: 'a.yaml', environment: { SECRET: 'hunter2' } }).catch((e) => e);
    expect(String(error)).toContain('found "${SECRET}", expected an absolute URL');
    expect(String(error)).not.toContain('hunter2');
  });

  it('never shows its value where two settings do not go together', async () => {
    await write('a.yaml', "sources: [{ topic: 'a/{x}', every: 1s, fetch: 'http://h/${SECRET}/{y}' }]");
    const error: unknown = await load({ file: 'a.yaml', environment: { SECRET: 'hunter2' } }).catch((e) => e);
    expect(String(error)).toContain('found {y} in "http://h/${SECRET}/{y}", expected only {x}');
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('a configuration that is shown', () => {
  it('has no token, no header, no password and nothing from the environment', async () => {
    await write(
      'a.yaml',
      `http: { port: '\${PORT}' }
auth: { publish: { tokens: [token-one] } }
sources:
  - { topic: a, every: 1s, fetch: 'http://h/?key=\${API_KEY}' }
  - { topic: b, every: 1s, fetch: { url: 'http://me:pass-word@h/b', headers: { authorization: Bearer abc-def } } }`,
    );
    const { config, written } = await load({
      file: 'a.yaml',
      environment: { PORT: '81', API_KEY: 'env-key' },
    });
    const shown = JSON.stringify(redactConfig(config, written));
    expect(shown).not.toMatch(/token-one|env-key|pass-word|abc-def/);
    expect(JSON.parse(shown)).toMatchObject({
      http: { port: '${PORT}' },
      auth: { publish: { tokens: ['(secret)'] } },
      sources: [
        { fetch: { url: 'http://h/?key=${API_KEY}' } },
        { fetch: { url: 'http://(secret)@h/b', headers: { authorization: '(secret)' } } },
      ],
    });
  });

  it('shows what a flag put in place of a variable', async () => {
    await write('a.yaml', "http: { port: '${PORT}' }");
    const { config, written } = await load({
      file: 'a.yaml',
      environment: { PORT: '81' },
      flags: [{ path: ['http', 'port'], value: '82', setBy: '--port' }],
    });
    expect(redactConfig(config, written)).toMatchObject({ http: { port: 82 } });
  });
});
