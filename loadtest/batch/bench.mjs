/**
 * What an interval of 10,000 instances in batches of 100 costs, beside undici that asks for the same 100 URLs and parses
 * the answers; where 1 % of the records change each second, and where none does. After a build:
 * `node loadtest/batch/bench.mjs [ROUNDS] [INSTANCES] [MAX] [SECONDS]`. Every figure comes from a fresh process, the
 * upstream has one of its own, and the order of the sides is reversed each round. Prints medians, spreads and ratios, and
 * keeps them in loadtest/results/batch.json.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machine, median } from '../machine.mjs';

const [rounds = 5, instances = 10_000, max = 100, seconds = 10] = process.argv.slice(2).map(Number);
const SIDES = ['headwater', 'bare'];
const CASES = [
  { name: '1 % changes', path: '/prices' },
  { name: 'nothing changes', path: '/still/prices' },
];
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

const upstream = spawn(process.execPath, [here('./upstream.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
const [port] = await once(upstream.stdout, 'data');
const base = `http://127.0.0.1:${String(port).trim()}`;

/** @type {{ case: string, side: string, cpuMs: number, requests: number, versions: number }[]} */
const raw = [];
try {
  for (let round = 0; round < rounds; round++) {
    for (const { name, path } of CASES) {
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const args = [here('./round.mjs'), side, instances, max, seconds, `${base}${path}`].map(String);
        const line = execFileSync(process.execPath, args, { encoding: 'utf8' });
        raw.push({ case: name, ...JSON.parse(line) });
      }
    }
  }
} finally {
  upstream.kill();
}

const summary = CASES.map(({ name }) => {
  const of = (/** @type {string} */ side) =>
    raw.filter((entry) => entry.case === name && entry.side === side);
  const [ours = [], theirs = []] = SIDES.map(of);
  // Sides of one round ran next to each other, so whatever else the machine did weighs on both.
  const ratios = ours.map(({ cpuMs }, round) => cpuMs / (theirs[round]?.cpuMs ?? Number.NaN));
  return {
    case: name,
    headwaterMs: median(ours.map(({ cpuMs }) => cpuMs)),
    bareMs: median(theirs.map(({ cpuMs }) => cpuMs)),
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    versions: median(ours.map(({ versions }) => versions)),
    requests: median(ours.map(({ requests }) => requests)),
  };
});

console.log(`${instances} instances, ${max} in a request, once a second; ${rounds} rounds of ${seconds} s`);
for (const { case: name, headwaterMs, bareMs, ratio, lowest, highest, versions } of summary) {
  console.log(
    `  ${name}: ${headwaterMs.toFixed(1)} ms of CPU an interval, bare undici ${bareMs.toFixed(1)} ms: ` +
      `${ratio.toFixed(2)}x (${lowest.toFixed(2)} to ${highest.toFixed(2)} a round), ${versions.toFixed(0)} versions`,
  );
}

const results = here('../results/');
mkdirSync(results, { recursive: true });
const report = { machine, instances, max, seconds, rounds, summary, raw };
writeFileSync(`${results}batch.json`, `${JSON.stringify(report, null, 2)}\n`);
