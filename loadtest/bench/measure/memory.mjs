/**
 * What an idle subscriber costs the server in memory: the growth of its resident set from the first connections, which
 * warm it up, to all of them, each time after a garbage collection. What the kernel keeps for the sockets is not in it.
 */
import { memoryOf } from '../../machine.mjs';
import { expectReady, startLoad, startServer } from './session.mjs';

/** Which part of the connections comes first. */
const FIRST = 1 / 15;

export const FIGURES = [
  { key: 'bytesEach', label: 'bytes/subscriber', digits: 0 },
  { key: 'megabytes', label: 'in all MB', digits: 0 },
];

export async function measureMemory(/** @type {import('./session.mjs').Run} */ run) {
  const first = Math.round(run.setup.connections * FIRST);
  const others = run.setup.connections - first;
  const { server, port, pid } = await startServer(run);
  const loads = [];
  const settled = async () => {
    await server.ask({ settle: true });
    return memoryOf(pid);
  };
  try {
    const join = async (/** @type {number} */ connections) => {
      const load = startLoad(run, port, { connections });
      loads.push(load);
      expectReady(await load.ask(undefined), connections);
    };
    await join(first);
    const before = await settled();
    await join(others);
    const after = await settled();
    return { bytesEach: (after - before) / others, megabytes: after / 1e6 };
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
    await server.stop();
  }
}
