import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { onReservedPort, requireFree } from './reserved-port.js';

export const hasNginx = spawnSync('nginx', ['-v']).status === 0;

export interface Outcome {
  readonly uri: string;
  readonly cache: string;
}

/** Nginx before a server, as `docs/operations.md` shows it. */
export interface Nginx {
  readonly url: string;
  /** Requests that it works on now, waiting ones included. */
  inWork(): Promise<number>;
  /**
   * What became of the requests for topics: `MISS`, `EXPIRED` and `BYPASS` went to the server, `HIT` did not.
   *
   * nginx writes it down after it has answered, so this waits until it is written of `requests` of them.
   */
  outcomes(requests: number): Promise<Outcome[]>;
}

/** Runs until the test has finished. */
export async function nginxBefore(serverUrl: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-nginx-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { port } = await onReservedPort((port) => start(folder, port, serverUrl));
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async inWork() {
      const status = await (await fetch(`${url}/nginx-status`)).text();
      // The request for it is one of them.
      return Number(/Writing: (\d+)/.exec(status)![1]) - 1;
    },
    async outcomes(requests) {
      let outcomes: Outcome[] = [];
      await expect
        .poll(
          async () => {
            outcomes = outcomesIn(await readFile(join(folder, 'access.log'), 'utf8'));
            return outcomes.length;
          },
          { interval: 20 },
        )
        .toBe(requests);
      return outcomes;
    },
  };
}

function outcomesIn(log: string): Outcome[] {
  // Only whole lines: nginx may be writing the last one.
  return log
    .slice(0, log.lastIndexOf('\n') + 1)
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([uri]) => uri!.startsWith('/topics/'))
    .map(([uri, cache]) => ({ uri: uri!, cache: cache! }));
}

async function start(folder: string, port: number, serverUrl: string): Promise<void> {
  await requireFree(port);
  const config = join(folder, 'nginx.conf');
  await writeFile(config, await configuration(folder, port, serverUrl));
  const nginx = spawn('nginx', ['-c', config, '-p', folder, '-e', 'stderr'], { stdio: 'inherit' });
  const ended = once(nginx, 'exit');
  onTestFinished(async () => {
    nginx.kill('SIGTERM');
    await ended;
  });
  while (!(await answers(port))) {
    if (nginx.exitCode !== null) throw new Error('nginx ended: see above');
    await sleep(20);
  }
}

/** What is in the documentation, with this server's address in it and all files in `folder`. */
async function configuration(folder: string, port: number, serverUrl: string): Promise<string> {
  const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, documented] = /```nginx\n(.*?)```/s.exec(page)!;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${folder}/${what};`,
  );
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid ${folder}/pid;
events { worker_connections 4096; }
http {
  log_format outcomes '$request_uri $upstream_cache_status';
  access_log ${folder}/access.log outcomes;
  ${temporary.join('\n  ')}
${documented!
  .replace('/var/cache/nginx/headwater', join(folder, 'cache'))
  .replace('127.0.0.1:8080', new URL(serverUrl).host)
  .replace(
    'listen 80;',
    `listen 127.0.0.1:${port} backlog=2048;\n    location = /nginx-status { stub_status; access_log off; }`,
  )}
}`;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
