/**
 * One measurement in a process of its own: `node --expose-gc round.mjs SIDE INSTANCES EVERY_MS SECONDS UPSTREAM`.
 * headwater: so many watched topics of one template. control: as many `setInterval` with a bare `fetch`, each of which
 * keeps the last value. Memory is measured before the first instance and at the end, after a collection; CPU, fetches
 * and timers in between, once every instance has been fetched. Prints a line of JSON.
 */
import { setTimeout as delay } from 'node:timers/promises';

const [side, ...rest] = process.argv.slice(2);
const [instances = 0, every = 0, seconds = 0] = rest.slice(0, 3).map(Number);
const upstream = rest[3] ?? '';

const memory = () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
};
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** @type {{ start(id: number): void, fetches(): number, close(): Promise<void> }} */
const runner = side === 'headwater' ? await headwater() : control();
await delay(500);
const before = memory();
for (let id = 0; id < instances; id++) {
  runner.start(id);
  // Spread over one interval, as watchers come.
  if (id % 100 === 99) await delay((every * 100) / instances);
}
await delay(every);
const cpu = process.cpuUsage();
const fetched = runner.fetches();
const began = performance.now();
let mostTimers = 0;
for (let second = 0; second < seconds; second++) {
  await delay(1_000);
  mostTimers = Math.max(mostTimers, timers());
}
const elapsed = (performance.now() - began) / 1_000;
const used = process.cpuUsage(cpu);
const fetches = runner.fetches() - fetched;
const after = memory();
console.log(
  JSON.stringify({
    side,
    rssBytes: (after.rss - before.rss) / instances,
    heapBytes: (after.heap - before.heap) / instances,
    cpuMicros: (used.user + used.system) / instances / elapsed,
    cpuMicrosAFetch: (used.user + used.system) / fetches,
    fetchesASecond: fetches / elapsed,
    intendedASecond: (instances * 1_000) / every,
    timers: mostTimers,
  }),
);
await runner.close();
process.exit(0);

async function headwater() {
  const { createHeadwater } = await import('../../dist/server/index.js');
  const server = await createHeadwater(
    {
      limits: { topics: 0 },
      hosts: { '*': { concurrency: 64 } },
      sources: [{ topic: 'item/{id}', every, max: instances, fetch: `${upstream}/item/{id}` }],
    },
    { listen: false },
  );
  let updates = 0;
  return {
    start: (/** @type {number} */ id) =>
      void server.topic(`item/${id}`).subscribe(() => {
        updates += 1;
      }),
    fetches: () => updates,
    close: () => server.close(),
  };
}

function control() {
  let count = 0;
  /** @type {unknown[]} */
  const values = [];
  /** @type {NodeJS.Timeout[]} */
  const running = [];
  return {
    start(/** @type {number} */ id) {
      const ask = async () => {
        values[id] = await (await fetch(`${upstream}/item/${id}`)).json();
        count += 1;
      };
      void ask();
      running.push(setInterval(ask, every));
    },
    fetches: () => count,
    async close() {
      for (const timer of running) clearInterval(timer);
    },
  };
}
