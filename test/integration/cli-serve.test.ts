import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Run, type RunOptions, run } from '../support/cli.js';

let cwd: string;
const running: Run[] = [];
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'headwater-cli-'));
  await writeFile(
    join(cwd, 'counter.ts'),
    `let count = 0;
export default {
  http: { port: 0 },
  drainTimeout: '600ms',
  sources: [{ topic: 'counter', every: '50ms', when: 'always', fetch: async () => ({ count: ++count }) }],
};`,
  );
});
afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

function serve(args: readonly string[], options: RunOptions = {}): Run {
  const server = run(['serve', ...args], { cwd, ...options });
  running.push(server);
  return server;
}

async function urlOf(server: Run, listener = 'http'): Promise<string> {
  const [, url] = await server.says(new RegExp(`"listener":"${listener}","url":"([^"]+)"`));
  return url!;
}

function entries(server: Run): Record<string, unknown>[] {
  return server.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function blocker(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { server, port: (server.address() as { port: number }).port };
}

/** A WebSocket peer that shakes hands and then neither reads nor answers, as a hung browser does. */
async function hungClient(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
  return socket.pause();
}

describe.each(['libuv', 'uws'])('headwater serve --loop %s', (loop) => {
  it('logs one JSON line a listener, serves, and drains on SIGTERM with exit code 0', async () => {
    const server = serve(['--config', 'counter.ts', '--loop', loop, '--echo-port', '0']);
    const url = await urlOf(server);
    expect(await urlOf(server, 'echo')).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const response = await fetch(`${url}/topics/counter`);
    expect(await response.json()).toEqual({ count: expect.any(Number) });

    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(server.stderr).toBe('');
    const told = entries(server).map(({ msg }) => msg);
    // On a machine that keeps it from running, it says so.
    const busy: unknown[] = ['the event loop was held', 'the process did not get to run'];
    expect(told.filter((msg) => !busy.includes(msg))).toEqual([
      `listening on ${url}`,
      expect.stringMatching(/^listening on tcp:/),
      'draining',
      'closed',
    ]);
  });

  it('exits with 0 within drainTimeout though a client hangs', async () => {
    const server = serve(['--config', 'counter.ts', '--loop', loop]);
    await hungClient(await urlOf(server));
    server.process.kill('SIGINT');
    expect(await server.ended).toBe(0);
    expect(entries(server).at(-1)).toMatchObject({ msg: 'closed' });
  });

  it('exits with 1 on a port in use, and says which and what to do', async () => {
    const { port } = await blocker();
    const server = serve(['--config', 'counter.ts', '--loop', loop, '--port', String(port)]);
    expect(await server.ended).toBe(1);
    expect(server.stderr).toMatch(/^headwater: /);
    expect(server.stderr).toContain(String(port));
    expect(server.stderr).toContain('choose another with --port');
    expect(server.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('headwater serve', () => {
  it('is the default command, and serves the demo where there is no configuration', async () => {
    const server = run(['--port', '0', '--echo-port', '0'], { cwd });
    running.push(server);
    const url = await urlOf(server);
    const response = await fetch(`${url}/topics/system/vitals`);
    expect(response.status).toBe(200);
    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it('stops at once with exit code 1 on a second signal', async () => {
    const server = serve(['--config', 'counter.ts'], { env: { HEADWATER_DRAIN_TIMEOUT: '1h' } });
    await hungClient(await urlOf(server));
    server.process.kill('SIGTERM');
    await server.says(/"msg":"draining"/);
    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(1);
  });

  it('exits with 2 where uws cannot be loaded, and says why', async () => {
    await writeFile(
      join(cwd, 'no-uws.cjs'),
      `const Module = require('node:module');
const load = Module._load;
Module._load = (name, ...rest) => {
  if (name.startsWith('uWebSockets')) throw new Error('no binary for this platform');
  return load(name, ...rest);
};`,
    );
    const env = { NODE_OPTIONS: `--require ${join(cwd, 'no-uws.cjs')}` };
    const server = serve(['--config', 'counter.ts', '--loop', 'uws'], { env });
    expect(await server.ended).toBe(2);
    expect(server.stderr).toMatch(/^headwater: .*uws/i);

    const lenient = serve(['--config', 'counter.ts', '--loop', 'auto'], { env });
    await urlOf(lenient);
    expect(entries(lenient)).toContainEqual(expect.objectContaining({ level: 'warn' }));
  });

  it('logs a defect and exits with 1', async () => {
    await writeFile(
      join(cwd, 'defect.ts'),
      `export default {
  http: { port: 0 },
  sources: [{ topic: 't', every: '1s', when: 'always', fetch: () => setTimeout(() => { throw new Error('slipped') }) }],
};`,
    );
    const server = serve(['--config', 'defect.ts']);
    expect(await server.ended).toBe(1);
    expect(entries(server).at(-1)).toMatchObject({ level: 'fatal', err: { message: 'slipped' } });
  });

  it('logs what is odd about its environment', async () => {
    const server = serve(['--config', 'counter.ts'], { env: { HEADWATER_HTTP_PROT: '1' } });
    await urlOf(server);
    expect(entries(server)[0]).toMatchObject({
      level: 'warn',
      msg: 'the environment variable HEADWATER_HTTP_PROT sets nothing; did you mean HEADWATER_HTTP_PORT?',
    });
  });

  it('keeps serving when the reader of its log goes away', async () => {
    const server = serve(['--config', 'counter.ts']);
    const url = await urlOf(server);
    server.process.stdout.destroy();
    await fetch(`${url}/topics/counter`);
    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it('tells a person at a terminal what to open and what to try', async () => {
    const server = serve(['--config', 'counter.ts', '--echo-port', '0'], {
      env: { TERM: 'xterm', NO_COLOR: '1' },
      under: (command) => ['script', '-qefc', command.join(' '), '/dev/null'],
    });
    await server.says(/Ctrl-C to stop/);
    expect(server.stdout).toMatch(/dashboard +http:\/\/127\.0\.0\.1:\d+\/\r?\n/);
    expect(server.stdout).toMatch(/SSE dashboard +http:\/\/127\.0\.0\.1:\d+\/sse\.html/);
    expect(server.stdout).toMatch(/curl http:\/\/127\.0\.0\.1:\d+\/topics\/counter/);
    expect(server.stdout).toMatch(/nc localhost \d+/);
    expect(server.stdout).not.toContain('{"level"');
  });
});
