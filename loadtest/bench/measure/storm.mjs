/** What it takes to take a crowd in: from connect to the first value, for all of them at once. */
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
  const { server, port } = await startServer(run);
  try {
    return await takeIn(run, server, port);
  } finally {
    await server.stop();
  }
}

/** A crowd that comes back with its cursors, to a server that was restarted on the same port. */
export async function measureResumes(/** @type {import('./session.mjs').Run} */ run) {
  const first = await startServer(run);
  let cursor = '';
  try {
    await first.server.ask({ publish: { rate: PUBLISH_RATE, bursts: PUBLISHED } });
    const answer = await fetch(`http://127.0.0.1:${first.port}/topics/t0`);
    cursor = JSON.parse(answer.headers.get('etag') ?? '""');
    await answer.arrayBuffer();
  } finally {
    await first.server.stop();
  }
  const { server, port } = await startServer(run, first.port);
  try {
    return await takeIn(run, server, port, cursor);
  } finally {
    await server.stop();
  }
}

/** @param {import('./session.mjs').Run} run @param {import('../programs.mjs').Program} server @param {number} port @param {string} [cursor] */
async function takeIn(run, server, port, cursor) {
  const { connections } = run.setup;
  const before = cpuOf(server.pid);
  const load = startLoad(run, port, cursor ? { cursor } : {});
  try {
    const got = await load.ask(undefined);
    expectReady(got, connections);
    return {
      cpuMicros: ((cpuOf(server.pid) - before) / connections) * 1e6,
      seconds: got.seconds,
      p50: got.p50 / 1_000,
      p99: got.p99 / 1_000,
      max: got.max / 1_000,
    };
  } finally {
    await load.stop();
  }
}
