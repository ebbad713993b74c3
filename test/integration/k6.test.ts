import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SubscribeMessage } from '../../shared/messages.js';
import { POLICIES } from '../support/policies.js';
import { startServer, type TestServer, TOKEN } from '../support/server.js';

/** K6 ends so where a threshold is missed. */
const THRESHOLD_MISSED = 99;

const K6 = findK6();
if (!K6) console.warn('skipped: there is no k6 (go install go.k6.io/k6@latest)');

function findK6(): string | undefined {
  const go = spawnSync('go', ['env', 'GOPATH'], { encoding: 'utf8' });
  const folders = (process.env.PATH ?? '').split(delimiter);
  if (go.status === 0) folders.push(join(go.stdout.trim(), 'bin'));
  const candidates = [process.env.K6, ...folders.map((folder) => join(folder, 'k6'))];
  return candidates.find((k6) => k6 && spawnSync(k6, ['version']).status === 0);
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-k6-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface K6Run {
  code: number;
  output: string;
  counts: Record<string, number>;
}

async function k6(script: string, settings: Record<string, string | number>): Promise<K6Run> {
  const summary = join(folder, 'summary.json');
  const path = fileURLToPath(new URL(`../../loadtest/k6/${script}.ts`, import.meta.url));
  const environment = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const options = ['--quiet', '--no-usage-report', '--address', '', '--summary-export', summary];
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve, reject) => {
    execFile(K6!, ['run', ...options, ...environment, path], (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === 'number') resolve({ code, output: `${stdout}${stderr}` });
      else reject(error);
    });
  });
  const { metrics } = JSON.parse(await readFile(summary, 'utf8')) as {
    metrics: Record<string, { count?: number }>;
  };
  const counts = Object.fromEntries(Object.entries(metrics).map(([name, { count }]) => [name, count ?? 0]));
  return { code, output, counts };
}

/** Without a bound of the delay that a busy machine could meet. */
const BRIEFLY = { TOKEN, VUS: 20, RATE: 40, DURATION: '3s', DELAY: 600_000 };

/**
 * Each version reached one reader at the least. On a busy machine several publications may make one version, and a poll may bring
 * several versions as one update: but whoever polls, polls as often as any of the publishers publishes, and they are fewer.
 */
function expectAllRead({ headwater }: TestServer, { updates }: Record<string, number>): void {
  const { version } = headwater.topic('load');
  expect(version).toBeGreaterThan(0);
  expect(updates).toBeGreaterThanOrEqual(version);
}

describe.skipIf(!K6).each(POLICIES)('the k6 scripts against %s', (loop) => {
  it('readers over WebSocket that come and go miss nothing and get nothing twice', {
    timeout: 120_000,
  }, async () => {
    const server = await startServer({ loop, topics: [{ topic: 'load' }] });
    const { code, output, counts } = await k6('websocket', { ...BRIEFLY, URL: server.url, SESSION: 700 });
    expect([code, output]).toEqual([0, expect.not.stringContaining('level=error')]);
    expect(counts.resumptions).toBeGreaterThan(0);
    expectAllRead(server, counts);
  });

  it('long-polls miss nothing and get nothing twice', { timeout: 120_000 }, async () => {
    const server = await startServer({ loop, topics: [{ topic: 'load' }] });
    const { code, output, counts } = await k6('long-poll', { ...BRIEFLY, URL: server.url, WAIT: 1 });
    expect([code, output]).toEqual([0, expect.not.stringContaining('level=error')]);
    expectAllRead(server, counts);
  });
});

describe.skipIf(!K6)('the k6 scripts', () => {
  it('publish, and count what the server took', { timeout: 120_000 }, async () => {
    const server = await startServer({ topics: [{ topic: 'load' }] });
    const { code, counts } = await k6('publish', { ...BRIEFLY, URL: server.url, DURATION: '1s' });
    expect([code, counts.refused ?? 0]).toEqual([0, 0]);
    expect(counts.published).toBeGreaterThan(0);
    const { code: refusedCode } = await k6('publish', {
      ...BRIEFLY,
      URL: server.url,
      DURATION: '1s',
      TOKEN: 'x',
    });
    expect(refusedCode).toBe(THRESHOLD_MISSED);
  });

  it('fail against a server that leaves a version out and sends another twice', {
    timeout: 120_000,
  }, async () => {
    const url = await scriptedServer((socket) => {
      socket.once('message', () => {
        const asOf = new Date().toISOString();
        const patch = (from: number, version: number) => ({
          type: 'patch',
          topic: 'load',
          from,
          version,
          patch: [],
          asOf,
        });
        const value = { type: 'value', topic: 'load', epoch: 'a', version: 1, value: 1, asOf };
        socket.send(JSON.stringify([value, patch(1, 2), patch(1, 2), patch(3, 4)]));
      });
    });
    const { code, counts } = await k6('websocket', {
      URL: url,
      VUS: 1,
      RATE: 0,
      DURATION: '1s',
      SESSION: 2_000,
    });
    expect(code).toBe(THRESHOLD_MISSED);
    expect(counts).toMatchObject({ holes: 1, duplicates: 1 });
  });

  it.each([
    { what: 'find no fault with a server that tells what is lost', told: true },
    { what: 'fail against a server that goes on as if nothing were', told: false },
  ])('where events are missed between two sessions, $what', { timeout: 120_000 }, async ({ told }) => {
    let sessions = 0;
    const url = await scriptedServer((socket) => {
      socket.once('message', (data) => {
        const { since } = JSON.parse(String(data)) as SubscribeMessage;
        // Each session gets one event, and misses the nine before it.
        const version = 10 * sessions;
        sessions += 1;
        const messages = [
          {
            type: 'subscribed',
            id: 1,
            topic: 'load',
            kind: 'event',
            epoch: 'a',
            version: told && since ? since.version : version,
            resumed: false,
          },
          ...(told && since ? [{ type: 'gap', topic: 'load', from: since.version, version }] : []),
          { type: 'event', topic: 'load', version: version + 1, event: 'a' },
        ];
        socket.send(JSON.stringify(messages));
      });
    });
    const { code, counts } = await k6('websocket', {
      URL: url,
      VUS: 1,
      RATE: 0,
      DURATION: '4s',
      DELAY: BRIEFLY.DELAY,
      SESSION: 500,
    });
    expect(sessions).toBeGreaterThan(1);
    expect(code).toBe(told ? 0 : THRESHOLD_MISSED);
    expect(counts.duplicates ?? 0).toBe(0);
    expect([counts.holes ?? 0, counts.gaps ?? 0].map((count) => count > 0)).toEqual([!told, told]);
  });
});

/** Speaks to each WebSocket as the script says. @returns its URL */
async function scriptedServer(script: (socket: WebSocket) => void): Promise<string> {
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const sockets = new WebSocketServer({ server: http });
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    http.close();
  });
  sockets.on('connection', script);
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
