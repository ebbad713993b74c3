/**
 * One measurement in a process of its own: `node round.mjs SIDE INSTANCES MAX SECONDS URL`. Each instance is asked for
 * once a second, `max` in a request. headwater: a batch that serves the topics of a store. bare: undici asks for the same
 * URLs, evenly spread, and parses the answers; it keeps them and compares nothing. Prints a line of JSON.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';

const [side, ...rest] = process.argv.slice(2);
const [instances = 0, max = 0, seconds = 0] = rest.slice(0, 3).map(Number);
const url = `${rest[3]}?symbols={symbol}`;
const EVERY = 1_000;

const running = side === 'headwater' ? await headwater() : bare();
// Past the start: everyone has been asked for, and the connections stand.
await delay(4 * EVERY);
const before = running.counts();
const cpu = process.cpuUsage();
const began = performance.now();
await delay(seconds * EVERY);
const used = process.cpuUsage(cpu);
const intervals = (performance.now() - began) / EVERY;
const after = running.counts();
const requests = (after.requests - before.requests) / intervals;
const intended = Math.ceil(instances / max);
// `setInterval` drifts on a busy machine, so what is compared is the cost of as many requests as an interval should have.
assert(Math.abs(requests - intended) < intended / 4, `${side} made ${requests} requests an interval`);
console.log(
  JSON.stringify({
    side,
    cpuMs: ((used.user + used.system) / 1_000 / (after.requests - before.requests)) * intended,
    requests,
    versions: (after.versions - before.versions) / intervals,
  }),
);
await running.close();
process.exit(0);

async function headwater() {
  const { systemClock } = await import('../../dist/server/async/clock.js');
  const { startBatch } = await import('../../dist/server/source/batch/batch.js');
  const { createHttpClient } = await import('../../dist/server/source/http/client.js');
  const { httpSource } = await import('../../dist/server/source/http/http.js');
  const { createStore } = await import('../../dist/server/store/store.js');
  const store = createStore();
  const history = { count: 256, bytes: 1 << 20 };
  store.declare({ topic: 'price/{symbol}', kind: 'state', served: true, history });
  let versions = 0;
  store.onFlush((flushes) => {
    for (const { change } of flushes) if (change) versions += 1;
  });
  const client = createHttpClient();
  const batch = startBatch({
    url,
    parameter: 'symbol',
    join: ',',
    max,
    by: 'symbol',
    every: EVERY,
    when: 'subscribed',
    clock: systemClock,
    source: (place) => httpSource(client, { url: place }),
  });
  const refreshers = Array.from({ length: instances }, (_, i) => {
    const topic = /** @type {any} */ (store.hold(`price/S${i}`));
    const refresher = batch.start({ topic, parameters: { symbol: `S${i}` } });
    refresher.setDemand(true);
    return refresher;
  });
  return {
    counts: () => ({ requests: batch.stats.requests, versions }),
    async close() {
      await Promise.all(refreshers.map((refresher) => refresher.close()));
      await batch.close();
      await client.close();
    },
  };
}

function bare() {
  const dispatcher = new Agent();
  /** @type {unknown[]} */
  const values = [];
  let requests = 0;
  const groups = Math.ceil(instances / max);
  const names = Array.from({ length: instances }, (_, i) => `S${i}`);
  const timers = Array.from({ length: groups }, (_, group) => {
    const place = url.replace('{symbol}', names.slice(group * max, (group + 1) * max).join(','));
    const ask = async () => {
      requests += 1;
      const { body } = await request(place, { dispatcher });
      values[group] = JSON.parse(await body.text());
    };
    /** @type {NodeJS.Timeout | undefined} */
    let interval;
    const first = setTimeout(
      () => {
        void ask();
        interval = setInterval(ask, EVERY);
      },
      (group * EVERY) / groups,
    );
    return () => {
      clearTimeout(first);
      clearInterval(interval);
    };
  });
  return {
    counts: () => ({ requests, versions: 0 }),
    async close() {
      for (const stop of timers) stop();
      await dispatcher.close();
    },
  };
}
