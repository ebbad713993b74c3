/**
 * One measurement in a process of its own: `node round.mjs SIDE SOURCES SECONDS PORT…`. Prints a line of JSON: the CPU
 * time a fetch at one fetch a second and source, after a warm-up at full speed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as sides from './sides.mjs';

const WARM_UP_MS = 3_000;
/** How many are under way at once in the warm-up. */
const LANES = 16;

const [name = '', sourceCount = '', seconds = '', ...ports] = process.argv.slice(2);
const create = /** @type {Record<string, (ports: number[]) => import('./sides.mjs').Side>} */ (sides)[name];
if (!create) throw new Error(`Unknown side ${name}: one of ${Object.keys(sides).join(', ')}`);
const side = create(ports.map(Number));
const sources = Number(sourceCount);

await warmUp();
let done = 0;
let failed = 0;
const startOne = side.start ?? startPlainly;
for (let index = 0; index < sources; index++) {
  const at = (index * 1_000) / sources;
  setTimeout(startOne, at, index);
}
await sleep(1_500);

const fetches = side.fetches ?? (() => done);
const failures = side.failures ?? (() => failed);
const before = { fetches: fetches(), cpu: process.cpuUsage() };
await sleep(Number(seconds) * 1_000);
const { user, system } = process.cpuUsage(before.cpu);
const count = fetches() - before.fetches;
if (failures() > 0) throw new Error(`${failures()} fetches failed`);
console.log(
  JSON.stringify({
    perSecond: Math.round(count / Number(seconds)),
    cpuMicros: (user + system) / count,
    userMicros: user / count,
  }),
);
process.exit();

async function warmUp() {
  const end = Date.now() + WARM_UP_MS;
  let next = 0;
  const lane = async () => {
    while (Date.now() < end) await side.fetch(next++ % sources);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function startPlainly(/** @type {number} */ index) {
  const fetchOne = () =>
    side.fetch(index).then(
      () => (done += 1),
      () => (failed += 1),
    );
  setInterval(fetchOne, 1_000);
  fetchOne();
}
