// What a scrape of /metrics costs a large server: `npm run build && node loadtest/metrics/bench.mjs`.
// 10,000 topics that a source serves, 10,000 WebSockets with a subscription each: the CPU time of a scrape and the longest
// turn of the event loop, beside the same length of time without one. The turn is longer where the machine is busy.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createHeadwater } from '../../dist/server/index.js';
import { createLogger } from '../../dist/server/observe/log.js';

const TOPICS = 10_000;
const CONNECTIONS = 10_000;
const SCRAPES = 30;
const PAUSE = 100;

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const text = (list) =>
  `${median(list).toFixed(1)} (${Math.min(...list).toFixed(1)}-${Math.max(...list).toFixed(1)})`;

async function measure(loop, perTopic) {
  const server = await createHeadwater(
    {
      loop,
      http: { port: 0 },
      metrics: { perTopic },
      limits: { topics: 0, connections: 0, acceptPerSecond: 0 },
      sources: [{ topic: 't/{n}', every: '1h', max: TOPICS, fetch: ({ parameters }) => parameters.n }],
    },
    { logger: createLogger({ level: 'fatal', pretty: false }) },
  );
  const { port } = server.listeners[0];
  const crowd = fork(new URL('./crowd.mjs', import.meta.url), [
    String(port),
    String(CONNECTIONS),
    String(TOPICS),
  ]);
  try {
    await once(crowd, 'message');
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const held = { scraped: [], idle: [] };
    const cpu = { scraped: [], idle: [] };
    let bytes = 0;
    for (let n = 0; n < SCRAPES; n++) {
      for (const side of n % 2 ? ['idle', 'scraped'] : ['scraped', 'idle']) {
        await sleep(PAUSE);
        delay.reset();
        const before = process.cpuUsage();
        if (side === 'scraped') {
          crowd.send('scrape');
          [bytes] = await once(crowd, 'message');
        }
        await sleep(PAUSE);
        const { user, system } = process.cpuUsage(before);
        cpu[side].push((user + system) / 1e3);
        held[side].push(delay.max / 1e6);
      }
    }
    delay.disable();
    console.log(`${loop}${perTopic ? ', each topic' : ''}: ${(bytes / 1024).toFixed(0)} KiB`);
    for (const [what, runs] of Object.entries({ 'CPU, ms': cpu, 'longest turn of the loop, ms': held })) {
      console.log(`  ${what}: with a scrape ${text(runs.scraped)}, without ${text(runs.idle)}`);
    }
  } finally {
    crowd.kill();
    await once(crowd, 'exit');
    await server.close();
  }
}

const [loop, perTopic] = process.argv.slice(2);
if (loop) await measure(loop, perTopic === 'true');
else {
  for (const args of [
    ['libuv', 'false'],
    ['libuv', 'true'],
    ['uws', 'false'],
    ['uws', 'true'],
  ]) {
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' });
  }
}
