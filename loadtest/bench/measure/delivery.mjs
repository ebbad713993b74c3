/** What a delivery costs the server, and how long it takes: from the commit to its receipt. */
import { cpuOf } from '../../machine.mjs';
import { expectReady, startLoad, startServer } from './session.mjs';

/** Seconds of the same before anything is measured, so that the code is compiled; a short run has less of it. */
const WARM_UP = 0.7;
const warmUpOf = (/** @type {import('./session.mjs').Run} */ { setup, seconds }) =>
  Math.min(setup.warmUp ?? WARM_UP, 3 * seconds);
/** What is still queued when the last is published has this many ms to arrive. */
const DRAIN = 30_000;

export const FIGURES = [
  { key: 'cpuMicros', label: 'CPU us/delivery', digits: 2 },
  { key: 'p50', label: 'p50 ms', digits: 2 },
  { key: 'p99', label: 'p99 ms', digits: 2 },
  { key: 'max', label: 'max ms', digits: 1 },
  { key: 'bytesEach', label: 'bytes each', digits: 0 },
  { key: 'serverBusy', label: 'server busy', digits: 2 },
  { key: 'loadBusy', label: 'load busy', digits: 2 },
];

export const LATENCY_FIGURES = [
  { key: 'p99', label: 'p99 ms', digits: 2 },
  { key: 'p50', label: 'p50 ms', digits: 2 },
  { key: 'max', label: 'max ms', digits: 1 },
  { key: 'rate', label: 'messages/s', digits: 0 },
  { key: 'serverBusy', label: 'server busy', digits: 2 },
  { key: 'loadBusy', label: 'load busy', digits: 2 },
];

/** Publishes at the rate of the case. The clock stops when the last delivery has arrived. */
export async function measureDelivery(/** @type {import('./session.mjs').Run} */ run) {
  return withSubscribers(run, async (publish) => {
    await publish(run.setup.rate, warmUpOf(run));
    return publish(run.setup.rate, run.seconds);
  });
}

/** The same at half of the rate that would take the whole of a core, going by what a delivery costs here. */
export async function measureLatency(/** @type {import('./session.mjs').Run} */ run) {
  return withSubscribers(run, async (publish) => {
    await publish(run.setup.rate, warmUpOf(run));
    const { cpuMicros } = await publish(run.setup.rate, run.seconds / 2);
    const { connections, scenario } = run.setup;
    const messages = 0.5 / ((cpuMicros / 1e6) * connections);
    return {
      ...(await publish(messages / scenario.burst, run.seconds)),
      rate: Math.round(messages),
    };
  });
}

/**
 * @template T
 * @param {import('./session.mjs').Run} run
 * @param {(publish: (rate: number, seconds: number) => Promise<ReturnType<typeof figuresOf>>) => Promise<T>} work
 */
async function withSubscribers(run, work) {
  const { connections, topicsEach, scenario } = run.setup;
  const { server, port, pid } = await startServer(run);
  try {
    const load = startLoad(run, port);
    try {
      let last = await load.ask(undefined);
      expectReady(last, connections);
      return await work(async (rate, seconds) => {
        const bursts = Math.max(1, Math.round(rate * seconds));
        const before = { cpu: cpuOf(pid), time: performance.now(), loadCpu: last.cpu };
        const { published } = await server.ask(
          { publish: { rate, bursts } },
          (bursts / rate) * 1_000 + DRAIN,
        );
        const expected = (published * connections * topicsEach) / scenario.topics;
        last = await load.ask(`collect ${expected} ${DRAIN}`, DRAIN);
        expectAll(last, expected);
        return figuresOf(last, before, cpuOf(pid));
      });
    } finally {
      await load.stop();
    }
  } finally {
    await server.stop();
  }
}

/** @param {{ deliveries: number, misordered: number, lost: number }} got @param {number} expected */
function expectAll({ deliveries, misordered, lost }, expected) {
  if (deliveries === expected && misordered === 0 && lost === 0) return;
  throw new Error(
    `void: ${deliveries} of ${expected} deliveries, ${misordered} doubled or out of order, ${lost} clients lost`,
  );
}

/**
 * @param {{ deliveries: number, bytes: number, p50: number, p99: number, max: number, cpu: number }} got
 * @param {{ cpu: number, time: number, loadCpu: number }} before
 * @param {number} cpu
 */
function figuresOf(got, before, cpu) {
  const seconds = (performance.now() - before.time) / 1_000;
  return {
    deliveries: got.deliveries,
    cpuMicros: ((cpu - before.cpu) / got.deliveries) * 1e6,
    p50: got.p50 / 1_000,
    p99: got.p99 / 1_000,
    max: got.max / 1_000,
    bytesEach: got.bytes / got.deliveries,
    serverBusy: (cpu - before.cpu) / seconds,
    loadBusy: (got.cpu - before.loadCpu) / seconds,
  };
}
