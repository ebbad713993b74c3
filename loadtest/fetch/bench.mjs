/**
 * Compares what a fetch costs with bare undici: 1,000 sources a second of 2 KB each, half of which change, and the
 * strategy `first` over three URLs of which two never answer. After a build: `node loadtest/fetch/bench.mjs [ROUNDS]
 * [SECONDS]`. Needs a C compiler for the upstream. Every figure comes from a fresh process, the order reversed each
 * round; the process and the upstream are pinned to a core each where the machine has two and `taskset`. Prints
 * medians, spreads and ratios of CPU time a fetch, and keeps them in loadtest/results/fetch.json.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuOf, machine, median, on } from '../machine.mjs';

const CASES = [
  { name: 'sources', sources: 1_000, ours: 'headwater', theirs: 'bare', goal: 1.5 },
  { name: 'first', sources: 200, ours: 'headwaterFirst', theirs: 'bareFirst', goal: 1.1 },
];

const rounds = Number(process.argv[2] ?? 7);
const seconds = Number(process.argv[3] ?? 5);
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'headwater-fetch-'));
const upstream = join(scratch, 'upstream');
execFileSync('cc', ['-O2', '-o', upstream, here('upstream.c')], { stdio: 'inherit' });

/** @returns {Promise<{ perSecond: number, cpuMicros: number, userMicros: number, upstreamBusy: number }>} */
async function measure(/** @type {string} */ side, /** @type {number} */ sources) {
  const [file = '', ...args] = on(1, [upstream]);
  const server = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [ports] = await once(server.stdout, 'data');
    const [node = '', ...rest] = on(0, [
      process.execPath,
      here('round.mjs'),
      side,
      String(sources),
      String(seconds),
    ]);
    const started = performance.now();
    const child = spawn(node, [...rest, ...String(ports).trim().split(' ')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${side} ended with ${code}`);
    const upstreamBusy = cpuOf(server.pid ?? 0) / ((performance.now() - started) / 1_000);
    return { ...JSON.parse(printed), upstreamBusy };
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

/** @type {{ name: string, side: string, round: number, perSecond: number, cpuMicros: number, userMicros: number, upstreamBusy: number }[]} */
const raw = [];
try {
  for (let round = 0; round < rounds; round++) {
    for (const { name, sources, ours, theirs } of CASES) {
      for (const side of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
        raw.push({ name, side, round, ...(await measure(side, sources)) });
      }
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}

const summary = CASES.map(({ name, sources, ours, theirs, goal }) => {
  const sides = [ours, theirs].map((side) => {
    const own = raw.filter((each) => each.side === side);
    const cpu = own.map((each) => each.cpuMicros);
    return {
      side,
      perSecond: median(own.map((each) => each.perSecond)),
      cpuMicros: median(cpu),
      lowest: Math.min(...cpu),
      highest: Math.max(...cpu),
      upstreamBusy: median(own.map((each) => each.upstreamBusy)),
    };
  });
  // Both sides of one round ran next to each other, so whatever else the machine did weighs on both.
  const cpuIn = (/** @type {string} */ side, /** @type {number} */ round) =>
    raw.find((each) => each.side === side && each.round === round)?.cpuMicros ?? Number.NaN;
  const ratios = Array.from({ length: rounds }, (_, round) => cpuIn(ours, round) / cpuIn(theirs, round));
  return {
    name,
    sources,
    goal,
    sides,
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
  };
});

for (const { name, sources, goal, sides, ratio, lowest, highest } of summary) {
  console.log(`\n${name}: ${sources} fetches a second, ${rounds} rounds of ${seconds} s`);
  for (const side of sides) {
    console.log(
      `  ${side.side.padEnd(15)} ${side.cpuMicros.toFixed(1)} us of CPU a fetch (${side.lowest.toFixed(1)} to ` +
        `${side.highest.toFixed(1)}), ${side.perSecond} a second, upstream ${(side.upstreamBusy * 100).toFixed(0)} % busy`,
    );
  }
  const verdict = ratio <= goal ? 'goal met' : `goal is ${goal}`;
  console.log(`  ${ratio.toFixed(2)}x (${lowest.toFixed(2)} to ${highest.toFixed(2)} a round), ${verdict}`);
}

const results = here('../results/');
mkdirSync(results, { recursive: true });
writeFileSync(
  `${results}fetch.json`,
  `${JSON.stringify({ machine, rounds, seconds, summary, raw }, null, 2)}\n`,
);
