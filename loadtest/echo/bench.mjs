/**
 * Compares our TCP echo with the plain one in Node, asyncio alone and on uvloop, Go, and the least that C can do, one
 * core each. After a build: `node loadtest/echo/bench.mjs [ROUNDS] [SECONDS]`. Needs a C compiler for the load; Python's
 * and Go's are left out where they are not installed. Every figure comes from a fresh server process, the order reversed
 * each round; server and load are pinned to a core each where the machine has two and `taskset`. Prints medians, spreads
 * and ratios of throughput and of server CPU time a request, and keeps them in loadtest/results/echo.json.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuOf, machine, median, on, works } from '../machine.mjs';

const CONNECTIONS = 10;
/** Message size in KiB, and the goal: our throughput over that of the plain echo. */
const GOALS = new Map([
  [1, 1.3],
  [10, 2.3],
  [100, 2],
]);

const rounds = Number(process.argv[2] ?? 7);
const seconds = Number(process.argv[3] ?? 2);
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'headwater-echo-'));

/** @type {{ name: string, command: string[] }[]} */
const servers = [
  { name: 'headwater', command: [process.execPath, here('servers/headwater.mjs')] },
  { name: 'node', command: [process.execPath, here('servers/node.mjs')] },
];
const asyncio = ['python3', here('servers/asyncio_echo.py')];
if (works('python3', ['-c', 'import asyncio'])) servers.push({ name: 'asyncio', command: asyncio });
if (works('python3', ['-c', 'import uvloop'])) {
  servers.push({ name: 'uvloop', command: [...asyncio, 'uvloop'] });
}
if (works('go', ['version'])) {
  const binary = join(scratch, 'echo-go');
  execFileSync('go', ['build', '-o', binary, here('servers/echo.go')]);
  servers.push({ name: 'go', command: [binary] });
}
servers.push({ name: 'c (floor)', command: [join(scratch, 'echo-c')] });
execFileSync('cc', ['-O2', '-o', join(scratch, 'echo-c'), here('servers/echo.c')], { stdio: 'inherit' });
const load = join(scratch, 'load');
execFileSync('cc', ['-O2', '-o', load, here('load.c')], { stdio: 'inherit' });

/** @returns {Promise<{ perSecond: number, cpuMicros: number, loadBusy: number }>} */
async function measure(/** @type {string[]} */ command, /** @type {number} */ bytes) {
  const [file = '', ...args] = on(0, command);
  const server = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, GOMAXPROCS: '1' },
  });
  try {
    const [port] = await once(server.stdout, 'data');
    const run = (/** @type {number} */ time) => {
      const [loader = '', ...rest] = on(1, [
        load,
        String(port).trim(),
        String(CONNECTIONS),
        String(bytes),
        String(time),
      ]);
      return JSON.parse(execFileSync(loader, rest, { encoding: 'utf8' }));
    };
    run(0.7);
    const before = cpuOf(server.pid ?? 0);
    const result = run(seconds);
    return {
      perSecond: result.requests / result.seconds,
      cpuMicros: ((cpuOf(server.pid ?? 0) - before) / result.requests) * 1e6,
      loadBusy: result.cpu / result.seconds,
    };
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

/** @type {{ name: string, kib: number, round: number, perSecond: number, cpuMicros: number, loadBusy: number }[]} */
const raw = [];
try {
  for (let round = 0; round < rounds; round++) {
    for (const kib of GOALS.keys()) {
      for (const { name, command } of round % 2 === 0 ? servers : servers.toReversed()) {
        raw.push({ name, kib, round, ...(await measure(command, kib * 1024)) });
      }
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}

/**
 * Ratios are taken within a round, where both sides met the same machine, and their median is told.
 * @param {string} name
 * @param {number} kib
 * @param {'perSecond' | 'cpuMicros'} figure
 */
function ratioTo(name, kib, figure) {
  const of = (/** @type {string} */ side, /** @type {number} */ round) =>
    raw.find((each) => each.name === side && each.kib === kib && each.round === round)?.[figure] ??
    Number.NaN;
  return median(Array.from({ length: rounds }, (_, round) => of('headwater', round) / of(name, round)));
}

const summary = [...GOALS].map(([kib, goal]) => ({
  kib,
  goal,
  sides: servers.map(({ name }) => {
    const own = raw.filter((each) => each.kib === kib && each.name === name);
    const rates = own.map((each) => each.perSecond);
    return {
      name,
      perSecond: Math.round(median(rates)),
      lowest: Math.round(Math.min(...rates)),
      highest: Math.round(Math.max(...rates)),
      cpuMicros: median(own.map((each) => each.cpuMicros)),
      loadBusy: median(own.map((each) => each.loadBusy)),
      throughputRatio: ratioTo(name, kib, 'perSecond'),
      cpuRatio: ratioTo(name, kib, 'cpuMicros'),
    };
  }),
}));

for (const { kib, goal, sides } of summary) {
  console.log(`\n${kib} KiB, ${CONNECTIONS} connections, ${rounds} rounds of ${seconds} s`);
  console.log(
    '  server       requests/s   (lowest to highest)  CPU us/request  load busy   ours/its: rate   CPU',
  );
  for (const side of sides) {
    const spread = `${side.lowest} to ${side.highest}`;
    console.log(
      `  ${side.name.padEnd(10)} ${String(side.perSecond).padStart(12)}   ${spread.padStart(19)}` +
        `${side.cpuMicros.toFixed(2).padStart(16)}${`${(side.loadBusy * 100).toFixed(0)} %`.padStart(11)}` +
        `${side.throughputRatio.toFixed(2).padStart(17)}${side.cpuRatio.toFixed(2).padStart(6)}`,
    );
  }
  const plain = sides.find((side) => side.name === 'node');
  const rate = plain?.throughputRatio ?? Number.NaN;
  // Told beside it, as it moves less when others use the machine. The goal is one of rate.
  const byCpu = 1 / (plain?.cpuRatio ?? Number.NaN);
  const verdict = rate >= goal ? 'goal met' : 'short of the goal';
  console.log(
    `  ${rate.toFixed(2)}x the plain echo in Node by rate: ${verdict} (${goal}x); ${byCpu.toFixed(2)}x by CPU time`,
  );
}

const results = here('../results/');
mkdirSync(results, { recursive: true });
writeFileSync(
  join(results, 'echo.json'),
  `${JSON.stringify({ machine, connections: CONNECTIONS, seconds, rounds, summary, raw }, null, 2)}\n`,
);
