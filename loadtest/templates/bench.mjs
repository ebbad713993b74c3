/**
 * What one live topic of a template costs, beside a `setInterval` with a bare `fetch`: memory, CPU and timers.
 * After a build: `node loadtest/templates/bench.mjs [ROUNDS] [INSTANCES] [EVERY_MS] [SECONDS]`. Every figure comes from
 * a fresh process, the upstream has one of its own, and the order of the sides is reversed each round. Prints medians
 * and ratios, and keeps them in loadtest/results/templates.json.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const [rounds = 3, instances = 10_000, every = 10_000, seconds = 20] = process.argv.slice(2).map(Number);
const SIDES = ['headwater', 'control'];
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

const upstream = spawn(process.execPath, [here('./upstream.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(upstream.stdout, 'data');
const url = `http://127.0.0.1:${String(line).trim()}`;

/** @type {Record<string, any>[]} */
const raw = [];
try {
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      const args = ['--expose-gc', here('./round.mjs'), side, instances, every, seconds, url].map(String);
      raw.push(
        JSON.parse(
          execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n').at(-1) ?? '',
        ),
      );
    }
  }
} finally {
  upstream.kill();
}

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const FIGURES = ['rssBytes', 'heapBytes', 'cpuMicros', 'cpuMicrosAFetch', 'fetchesASecond', 'timers'];
const summary = FIGURES.map((figure) => {
  const of = (/** @type {string} */ side) =>
    raw.filter((entry) => entry.side === side).map((entry) => entry[figure]);
  const [ours, theirs] = SIDES.map(of);
  const ratios = (ours ?? []).map((value, round) => value / (theirs?.[round] ?? Number.NaN));
  return { figure, headwater: median(ours ?? []), control: median(theirs ?? []), ratio: median(ratios) };
});
console.log(`${instances} instances every ${every} ms, ${rounds} rounds of ${seconds} s`);
for (const { figure, headwater, control, ratio } of summary)
  console.log(
    `  ${figure.padEnd(16)} ${headwater.toFixed(1).padStart(10)} ${control.toFixed(1).padStart(10)}  ${ratio.toFixed(3)}x`,
  );

const results = here('../results/');
mkdirSync(results, { recursive: true });
const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
writeFileSync(
  `${results}templates.json`,
  `${JSON.stringify({ machine, instances, every, seconds, rounds, summary, raw }, null, 2)}\n`,
);
