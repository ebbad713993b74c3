/** What it takes to take a crowd in: from connect to where each is subscribed, for all of them at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuOf } from '../../machine.mjs';
import { expectReady, startLoad, startServer } from './session.mjs';

/** Versions that are made before the crowd goes. */
const PUBLISHED = 20;
const PUBLISH_RATE = 100;

export const FIGURES = [
  { key: 'cpuMicros', label: 'CPU us/client', digits: 1 },
  { key: 'seconds', label: 'all in, s', digits: 2 },
  { key: 'p50', label: 'p50 ms', digits: 1 },
  { key: 'p99', label: 'p99 ms', digits: 1 },
  { key: 'max', label: 'max ms', digits: 1 },
];

/** A crowd that comes for the first time. */
export async function measureConnects(/** @type {import('./session.mjs').Run} */ run) {
  const { server, port, pid } = await startServer(run);
  try {
    return await takeIn(run, pid, port);
  } finally {
    await server.stop();
  }
}

/** A crowd that comes back with its cursors, to a server that was restarted on the same port with the state it kept. */
export async function measureResumes(/** @type {import('./session.mjs').Run} */ run) {
  const state = mkdtempSync(join(tmpdir(), 'headwater-bench-state-'));
  try {
    const { port, cursor } = await publishSome(run, state);
    const { server, pid } = await startServer(run, { port, state });
    try {
      return await takeIn(run, pid, port, cursor);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(state, { recursive: true });
  }
}

/** Publishes, stops the server, and resolves with its port and the cursor that it ended at. */
async function publishSome(/** @type {import('./session.mjs').Run} */ run, /** @type {string} */ state) {
  const { server, port } = await startServer(run, { state });
  try {
    await server.ask({ publish: { rate: PUBLISH_RATE, bursts: PUBLISHED } });
    const answer = await fetch(`http://127.0.0.1:${port}/topics/t0`);
    await answer.arrayBuffer();
    /** @type {string} */
    const cursor = JSON.parse(answer.headers.get('etag') ?? '""');
    return { port, cursor };
  } finally {
    await server.stop();
  }
}

/** @param {import('./session.mjs').Run} run @param {number} pid @param {number} port @param {string} [cursor] */
async function takeIn(run, pid, port, cursor) {
  const { connections } = run.setup;
  const before = cpuOf(pid);
  const load = startLoad(run, port, cursor ? { cursor } : {});
  try {
    const got = await load.ask(undefined);
    expectReady(got, connections);
    return {
      cpuMicros: ((cpuOf(pid) - before) / connections) * 1e6,
      seconds: got.seconds,
      p50: got.p50 / 1_000,
      p99: got.p99 / 1_000,
      max: got.max / 1_000,
    };
  } finally {
    await load.stop();
  }
}
