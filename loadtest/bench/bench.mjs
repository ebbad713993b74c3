/**
 * Compares delivery with bare servers on the same runtime and with others of its kind. After a build:
 *
 *   node loadtest/bench/bench.mjs [--case NAME,…] [--side NAME,…] [--rounds N] [--seconds S] [--quick | --smoke]
 *
 * Needs a C compiler for the load. Every figure comes from a fresh server process, the order reversed each round;
 * server and load are pinned to a core each. Prints medians, spreads, ratios and what became of the goals, and keeps
 * them with the raw rounds in loadtest/results/bench.json. `--quick` runs each once, shortly, and leaves out those that
 * no goal names; `--smoke` only shows that everything still runs.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, openFilesLimit, works } from '../machine.mjs';
import { CASES, OURS } from './cases.mjs';
import { echo } from './echo.mjs';
import { summarize, table } from './report.mjs';
import { SIDES } from './sides.mjs';

const PACES = {
  full: { rounds: 3, seconds: 2, shrink: 1 },
  quick: { rounds: 1, seconds: 0.7, shrink: 1 },
  smoke: { rounds: 1, seconds: 0.2, shrink: 50 },
};
/** Fewer than this tell little on a machine that does other work. */
const FEW_ROUNDS = 3;
/** Files that a server has open besides its connections. */
const OTHER_FILES = 100;

const { values: options } = parseArgs({
  options: {
    case: { type: 'string' },
    side: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
});
const pace = PACES[options.smoke ? 'smoke' : options.quick ? 'quick' : 'full'];
const rounds = Number(options.rounds ?? pace.rounds);
const seconds = Number(options.seconds ?? pace.seconds);
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const note = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

const cases = chosen('case', options.case, [...CASES.map(({ name }) => name), 'echo']);
const names = chosen(
  'side',
  options.side,
  SIDES.map(({ name }) => name),
);
if (!works('cc', ['--version'])) {
  note('no C compiler for the load: install one that is called cc (Debian: gcc and libc6-dev)');
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
const load = join(scratch, 'load');

/** The names asked for, all where none are. Leaves at one that does not exist. */
function chosen(
  /** @type {string} */ what,
  /** @type {string | undefined} */ list,
  /** @type {string[]} */ known,
) {
  const names = list?.split(',') ?? known;
  for (const name of names) {
    if (known.includes(name)) continue;
    note(`no ${what} ${name}: there are ${known.join(', ')}`);
    process.exit(2);
  }
  return names;
}

/** Builds what a side needs; one that cannot be had on this machine is left out, aloud. */
function isReady(/** @type {import('./sides.mjs').Side} */ { name, prepare }) {
  try {
    prepare?.(scratch);
    return true;
  } catch (error) {
    note(`${name} is left out: ${/** @type {Error} */ (error).message}`);
    return false;
  }
}

/** The case with fewer clients, for a smoke run and where the system allows no more. */
function sized(/** @type {import('./measure/session.mjs').Setup} */ setup) {
  const allowed = openFilesLimit() - OTHER_FILES;
  if (setup.connections > allowed)
    note(`${setup.connections} connections are too many here: ${allowed} are opened`);
  return {
    ...setup,
    connections: Math.min(allowed, Math.max(10, Math.round(setup.connections / pace.shrink))),
  };
}

/** A quick run keeps to our own and those that a goal names. */
function takesPart(/** @type {string} */ side, /** @type {import('./cases.mjs').Case} */ each) {
  if (each.only && !each.only.includes(side)) return false;
  return !options.quick || OURS.includes(side) || each.goals.some(({ against }) => against === side);
}

/** @param {import('./cases.mjs').Case} each @param {import('./sides.mjs').Side[]} sides */
async function runCase(each, sides) {
  const setup = sized(each.setup);
  /** @type {import('./report.mjs').Measured[]} */
  const raw = [];
  const runs = /** @type {const} */ (['ws', 'sse']).flatMap((transport) =>
    sides
      .filter(({ name, dialects }) => dialects[transport] && takesPart(name, each))
      .map((side) => ({ side, transport })),
  );
  for (let round = 0; round < rounds; round++) {
    for (const { side, transport } of round % 2 === 0 ? runs : runs.toReversed()) {
      const run = { case: each.name, transport, side: side.name, round };
      try {
        raw.push({ ...run, figures: await each.measure({ side, transport, setup, seconds, load }) });
      } catch (error) {
        const { message } = /** @type {Error} */ (error);
        note(`${each.name}, ${transport}, ${side.name}: ${message}`);
        raw.push({ ...run, error: message });
      }
    }
    note(`${each.name}: round ${round + 1} of ${rounds}`);
  }
  const summaries = /** @type {const} */ (['ws', 'sse']).map((transport) => summarize(each, transport, raw));
  for (const summary of summaries) if (summary.sides.length > 0) console.log(table(summary, each.figures));
  return { summaries, raw };
}

try {
  const sources = readdirSync(here('load/')).filter((name) => name.endsWith('.c'));
  execFileSync('cc', ['-O2', '-o', load, ...sources.map((name) => here(`load/${name}`))], {
    stdio: 'inherit',
  });
  const sides = SIDES.filter((side) => names.includes(side.name) && isReady(side));

  const results = [];
  for (const each of CASES) if (cases.includes(each.name)) results.push(await runCase(each, sides));
  if (rounds < FEW_ROUNDS)
    note(`${rounds} of ${PACES.full.rounds} rounds: what became of a goal may be chance`);
  const echoes = cases.includes('echo') && echo(rounds, seconds);

  const folder = here('../results/');
  mkdirSync(folder, { recursive: true });
  const kept = { machine, rounds, seconds, results, echo: echoes };
  writeFileSync(
    join(folder, options.smoke ? 'smoke.json' : 'bench.json'),
    `${JSON.stringify(kept, null, 2)}\n`,
  );
  if (results.some(({ raw }) => raw.some(({ error }) => error))) process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true });
}
