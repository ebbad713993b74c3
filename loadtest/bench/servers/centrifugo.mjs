/**
 * Centrifugo itself, with its defaults but for who may connect and what is switched on. It is published to as its users
 * do, over its HTTP API, a request a burst; so what it costs to take that in is part of a delivery here, and so is the
 * way there of its latency. What is measured is its process, not this one.
 */
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { announce } from './side.mjs';

const HOST = '127.0.0.1';
/** How long it may take to start, in ms, and how often it is asked. */
const PATIENCE = 20_000;
const ASKED_EVERY = 50;

const port = await freePort();
const settings = {
  HTTP_SERVER_ADDRESS: HOST,
  HTTP_SERVER_PORT: port,
  HTTP_API_INSECURE: true,
  CLIENT_INSECURE: true,
  SSE_ENABLED: true,
  HEALTH_ENABLED: true,
  // Its profiler can be asked for a garbage collection.
  DEBUG_ENABLED: true,
  LOG_LEVEL: 'error',
  USAGE_STATS_DISABLED: true,
};
const env = Object.fromEntries(
  Object.entries(settings).map(([name, value]) => [`CENTRIFUGO_${name}`, String(value)]),
);
const centrifugo = spawn(process.argv[3] ?? 'centrifugo', [], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, ...env },
});
centrifugo.on('exit', (code) => process.exit(code ?? 1));
process.on('exit', () => centrifugo.kill('SIGKILL'));

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
await listening();

/** @type {object[]} */
let burst = [];
let sent = Promise.resolve('');

announce(
  port,
  (channel, data) => {
    if (burst.push({ publish: { channel, data } }) > 1) return;
    queueMicrotask(() => {
      const body = JSON.stringify({ commands: burst });
      burst = [];
      sent = sent.then(() => ask('POST', '/api/batch', body));
      sent.catch(fail);
    });
  },
  {
    pid: centrifugo.pid,
    collect: () => ask('GET', '/debug/pprof/heap?gc=1'),
  },
);

/** @param {string} method @param {string} path @param {string} [body] @returns {Promise<string>} */
function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: HOST, port, path, method, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () =>
        answer.statusCode === 200 && !text.includes('"error"')
          ? resolve(text)
          : reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 200)}`)),
      );
    });
    asked.on('error', reject);
    asked.setHeader('content-type', 'application/json');
    asked.end(body);
  });
}

async function listening() {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    try {
      await ask('GET', '/health');
      return;
    } catch (error) {
      if (performance.now() > deadline) fail(error);
      await sleep(ASKED_EVERY);
    }
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, HOST, () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

function fail(/** @type {unknown} */ error) {
  console.error(error);
  process.exit(1);
}
