import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, onTestFinished } from 'vitest';

const installed = spawnSync('redis-server', ['--version']).status === 0;
if (!installed) console.warn('redis-server is not installed: the tests that need it are skipped');

/** `describe`, skipped aloud where there is no redis-server. */
export const describeWithRedis = describe.skipIf(!installed);

/** A redis-server of the test's own. It keeps nothing on disk: what is started again is empty. */
export interface TestRedis {
  readonly url: string;
  readonly label: string;
  /** A client of the test's own. */
  readonly client: Redis;
  start(): Promise<void>;
  /** SIGKILL: connections are reset, and the port refuses. */
  kill(): Promise<void>;
  /** SIGSTOP: it accepts connections and answers nothing. */
  freeze(): void;
  thaw(): void;
}

/** Below the range that kernels give to outgoing connections, so that nobody takes the port between two starts. */
const FIRST_PORT = 10_000;
const PORTS = 10_000;

/** Starts one on a free port, ended when the test has finished. */
export async function startRedis({ running = true } = {}): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-redis-'));
  let port = FIRST_PORT + Math.floor(Math.random() * PORTS);
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = launch(port, directory);
    if (!(await isReady(started))) throw new Error(`redis-server does not start on port ${port}`);
    server = started;
  }

  /** The first start finds a port that is free. */
  async function reserve(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await start();
      } catch (error) {
        if (attempt === 10) throw error;
        port = FIRST_PORT + Math.floor(Math.random() * PORTS);
      }
    }
  }

  async function kill(): Promise<void> {
    const ended = server;
    server = undefined;
    if (!ended || ended.exitCode !== null) return;
    const exit = once(ended, 'exit');
    ended.kill('SIGKILL');
    await exit;
  }

  await reserve();
  if (!running) await kill();
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 20 });
  client.on('error', () => {});
  onTestFinished(async () => {
    client.disconnect();
    await kill();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    label: `redis://127.0.0.1:${port}`,
    client,
    start,
    kill,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
  };
}

function launch(port: number, directory: string): ChildProcess {
  const options = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'no' };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return spawn('redis-server', [...args, '--notify-keyspace-events', 'KA'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function isReady(server: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    let said = '';
    server.stdout!.on('data', (chunk: Buffer) => {
      if (said.length < 10_000) said += chunk;
      if (said.includes('Ready to accept connections')) resolve(true);
    });
    server.on('exit', () => resolve(false));
  });
}
