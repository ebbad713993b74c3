// What keeping the state costs: `npm run build && node loadtest/state/bench.mjs`. Both sides in one run, order alternated.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { openKeeper } from '../../dist/server/store/durable/keeper.js';
import { createStore } from '../../dist/server/store/store.js';

const FLUSHES = 20_000;
const ROUNDS = 5;
const HISTORY = { count: 256, bytes: 1024 * 1024 };

/** Runs `work` with a store, kept in a folder or not. */
async function withStore(kept, work) {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-bench-'));
  const keeper = kept
    ? await openKeeper(folder, { onTurn: (_, error) => error && console.error(error) })
    : undefined;
  const store = createStore({ recall: keeper?.recall });
  if (keeper) store.onFlush(keeper.write);
  store.declare({ topic: 't/{n}', kind: 'state', history: HISTORY, served: false });
  await keeper?.begin(store.topics);
  try {
    return await work(store, keeper);
  } finally {
    store.close();
    await keeper?.close(10_000);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Microseconds of CPU a flush. */
function flushes(kept, value) {
  return withStore(kept, async (store, keeper) => {
    const topic = store.writer('t/a');
    const began = process.cpuUsage();
    for (let n = 0; n < FLUSHES; n++) {
      topic.set(value(n));
      await store.flushed();
    }
    const { user, system } = process.cpuUsage(began);
    return { cpu: (user + system) / FLUSHES, write: keeper ? (keeper.state.writeTime * 1000) / FLUSHES : 0 };
  });
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const CASES = {
  'small patch (128 B document)': (n) => ({ n, text: 'x'.repeat(100) }),
  'value (128 B, replaced)': (n) => [n, 'x'.repeat(100)].map(String).join(' '),
};
for (const [name, value] of Object.entries(CASES)) {
  const runs = { memory: [], kept: [], write: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const kept of round % 2 ? [true, false] : [false, true]) {
      const { cpu, write } = await flushes(kept, value);
      runs[kept ? 'kept' : 'memory'].push(cpu);
      if (kept) runs.write.push(write);
    }
  }
  const text = Object.entries(runs).map(
    ([key, list]) =>
      `${key} ${median(list).toFixed(1)} (${Math.min(...list).toFixed(1)}-${Math.max(...list).toFixed(1)})`,
  );
  console.log(`${name}: us a flush: ${text.join(', ')}`);
}

await withStore(true, async (store, keeper) => {
  const rows = (seed) =>
    Array.from({ length: 2_000 }, (_, id) => ({ id, seed, name: `row ${id}`, price: id * 1.5 }));
  for (let n = 0; n < 1_000; n++) {
    store.writer(`t/${n}`).set(rows(n));
    await store.flushed();
  }
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = keeper.state.rewrites;
  const { bytes } = keeper.state;
  delay.enable();
  const began = performance.now();
  for (let n = 0; keeper.state.rewrites === before && performance.now() - began < 120_000; n++) {
    store.writer(`t/${n % 1_000}`).set(rows(n + 1));
    await store.flushed();
  }
  delay.disable();
  console.log(
    `rewrite of ${(bytes / 1e6).toFixed(0)} MB under load: loop held ${(delay.max / 1e6).toFixed(1)} ms at most, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, journal now ${(keeper.state.bytes / 1e6).toFixed(0)} MB, failures ${keeper.state.failures}`,
  );
});
