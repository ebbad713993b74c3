/** A fresh server process and its clients, each on a core of its own. */
import { start } from '../programs.mjs';

/** How many handshakes are under way at once, where the case is not about them. */
const UNHURRIED = 100;

/**
 * @typedef {object} Setup what a case asks for
 * @property {number} connections
 * @property {number} topicsEach
 * @property {number} rate bursts a second
 * @property {Omit<import('../servers/side.mjs').Scenario, 'transport'>} scenario
 * @property {number} [warmUp] seconds before anything is measured, where the usual is too short
 * @property {number} [atOnce] handshakes under way at once
 *
 * @typedef {object} Run
 * @property {import('../sides.mjs').Side} side
 * @property {'ws' | 'sse'} transport
 * @property {Setup} setup
 * @property {number} seconds how long is measured
 * @property {string} load the load program
 */

/**
 * Starts the server and resolves with its port and the process to measure. The caller stops it.
 * @param {Run} run
 * @param {{ port?: number, state?: string }} [place] where it listens, and where it keeps its state
 */
export async function startServer({ side, transport, setup }, place = {}) {
  const scenario = { ...setup.scenario, transport, ...place };
  const server = start(side.name, 0, side.command(JSON.stringify(scenario)));
  try {
    const { port, pid = server.pid } = await server.ask(undefined);
    return { server, port, pid };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Starts clients; the answer to its first `ask` comes when all are subscribed. The caller stops it. */
export function startLoad(
  /** @type {Run} */ { side, transport, setup, load },
  /** @type {number} */ port,
  /** @type {{ connections?: number, cursor?: string }} */ { connections = setup.connections, cursor } = {},
) {
  const dialect = side.dialects[transport];
  if (!dialect) throw new Error(`${side.name} has no ${transport}`);
  const { scenario, topicsEach, atOnce = UNHURRIED } = setup;
  return start('the load', 1, [
    load,
    ...['-p', String(port), '-n', String(connections), '-w', String(atOnce)],
    ...['-t', transport, '-m', String(scenario.topics)],
    ...dialect({ ...scenario, transport, topicsEach, ...(cursor && { cursor }) }),
  ]);
}

/** Throws unless all are there: a run in which one was lost tells nothing. */
export function expectReady(
  /** @type {{ ready: number, lost: number }} */ { ready, lost },
  /** @type {number} */ connections,
) {
  if (ready !== connections || lost > 0)
    throw new Error(`void: ${ready} of ${connections} clients were subscribed, ${lost} were lost`);
}
