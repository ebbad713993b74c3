import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BIN, type RunOptions, run } from '../support/cli.js';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'headwater-cli-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function result(args: readonly string[], options: RunOptions = {}) {
  const command = run(args, { cwd, ...options });
  const code = await command.ended;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

describe('the command line', () => {
  it.each([
    [['--help']],
    [['help']],
    [['serve', '--help']],
    [['check', '--help']],
    [['tail', '--help']],
    [['help', 'tail']],
  ])('explains itself with examples and exit codes: %j', async (args) => {
    const { code, stdout, stderr } = await result(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: headwater/);
    expect(stdout).toContain('Examples:\n  $ headwater');
    expect(stdout).toContain('Exit codes: 0 fine, 1 failed at run time, 2 wrong usage or configuration.');
  });

  it('tells its version', async () => {
    expect(await result(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  });

  it('runs from a checkout as an executable', async () => {
    await access(BIN, constants.X_OK);
    const { stdout } = await promisify(execFile)(BIN, ['--version']);
    expect(stdout).toBe('0.1.0\n');
  });

  it.each([
    [['srve'], /unknown command 'srve'\n\(Did you mean serve\?\)/],
    [['--prot', '1'], /unknown option '--prot'\n\(Did you mean --port\?\)/],
    [['serve', '--port'], /option '-p, --port <port>' argument missing/],
    [['serve', '--port', 'x'], /--port, http\.port: found "x", expected a whole number, from 0 to 65535/],
    [['serve', '--echo-port', '70000'], /--echo-port, tcp\.echo\.port: found "70000"/],
    [['serve', '--loop', 'uvw'], /--loop, loop: found "uvw", expected one of libuv, uws, auto/],
    [['check', 'extra'], /too many arguments for 'check'/],
    [['check', '--config', 'gone.yaml'], /^headwater: gone\.yaml cannot be read: there is no such file\n$/],
    [['tail'], /missing required argument 'topic'/],
    [['tail', '/a'], /"\/a" is no topic name/],
    [['tail', 'a', '--count', '0'], /--count is "0"; it must be a whole number above 0/],
    [['tail', 'a', '--url', 'nowhere'], /"nowhere" is no URL/],
  ])('refuses %j with exit code 2, and says why without a stack', async (args, message) => {
    const { code, stdout, stderr } = await result(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('headwater check', () => {
  it('prints what a configuration would run, without its secrets', async () => {
    await writeFile(
      join(cwd, 'good.yaml'),
      `http: { port: 9001 }
tcp: { echo: { port: 7008 } }
auth: { publish: { tokens: [publish-token] } }
topics: [{ topic: 'chat/{room}', kind: event, history: { count: 9 } }]
sources:
  - { topic: quotes, every: 90s, when: always, fetch: { url: 'http://h/q?key=\${KEY}', headers: { x-key: header-value } } }
  - { topic: local, every: 1s, fetch: { file: ./local.json } }
  - { topic: plain, every: 1s, fetch: 'http://h/q?api_key=in-the-query&city=oslo' }
`,
    );
    const { code, stdout, stderr } = await result(['check', '--config', 'good.yaml'], {
      env: { KEY: 'env-key' },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^good\.yaml is valid\.\n/);
    expect(stdout).toMatch(/http +http:\/\/127\.0\.0\.1:9001\n/);
    expect(stdout).toMatch(/echo +tcp:\/\/127\.0\.0\.1:7008\n/);
    expect(stdout).toMatch(/chat\/\{room\} +event +9, 1048576 bytes/);
    expect(stdout).toMatch(/quotes +90s +always +http:\/\/h\/q\?key=\$\{KEY\} .*headers x-key/);
    expect(stdout).toContain(join(cwd, 'local.json'));
    expect(stdout).toContain('http://h/q?api_key=(secret)&city=oslo');
    expect(stdout).not.toMatch(/publish-token|header-value|env-key|in-the-query/);
  });

  it('prints it as JSON, defaults included', async () => {
    await writeFile(join(cwd, 'small.json'), '{"topics":[{"topic":"settings"}]}');
    const { stdout } = await result(['check', '--config', 'small.json', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      http: { port: 8080 },
      heartbeat: 25_000,
      topics: [{ topic: 'settings', kind: 'state', history: { count: 256 } }],
    });
  });

  it('lists every problem of a bad file on standard error and exits with 2', async () => {
    await writeFile(
      join(cwd, 'bad.yaml'),
      'lop: uws\nsources:\n  - { topic: q, every: 1, fetch: http://a }\n',
    );
    const { code, stdout, stderr } = await result(['check', '--config', 'bad.yaml']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /^headwater: bad\.yaml has 2 problems:\n {2}line 1, lop: .*\n {2}line 3, sources\[0\]\.every: .*\n$/,
    );
  });

  it('says that it is the demo that would run where there is no file', async () => {
    const { code, stdout } = await result(['check']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^the built-in demo is valid\./);
    expect(stdout).toContain('system/vitals');
  });

  it('warns of a HEADWATER_ variable that sets nothing', async () => {
    const { code, stderr } = await result(['check'], { env: { HEADWATER_PROT: '1' } });
    expect(code).toBe(0);
    expect(stderr).toBe('warning: the environment variable HEADWATER_PROT sets nothing\n');
  });
});
