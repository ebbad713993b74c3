/**
 * Compares our diff with fast-json-patch and rfc6902 on a document of 10,000 entries with 1 % changed.
 * After a build: `node loadtest/diff/bench.mjs [ROUNDS]`. Every figure comes from a fresh process; the order of the
 * libraries is reversed each round. Prints medians, spreads and ratios, and keeps them in loadtest/results/diff.json.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SHAPES } from './documents.mjs';

/** rfc6902 aligns arrays by a recursion over all pairs of elements, which overflows the stack at these sizes. */
const librariesFor = (/** @type {string} */ shape) =>
  shape === 'object' ? ['headwater', 'fast-json-patch', 'rfc6902'] : ['headwater', 'fast-json-patch'];
/** Goal: our time over that of fast-json-patch. */
const GOAL = 0.7;
const rounds = Number(process.argv[2] ?? 5);
const script = fileURLToPath(new URL('./round.mjs', import.meta.url));
const results = fileURLToPath(new URL('../results/', import.meta.url));

/** @type {{ library: string, shape: string, ms: number, operations: number, allocated: number, bytes: number }[]} */
const raw = [];
for (let round = 0; round < rounds; round++) {
  for (const shape of SHAPES) {
    const libraries = librariesFor(shape);
    for (const library of round % 2 === 0 ? libraries : libraries.toReversed()) {
      // Young space large enough that no collection runs while allocations are counted.
      const flags = ['--expose-gc', '--max-semi-space-size=128', '--min-semi-space-size=128'];
      const measure = (/** @type {string} */ what) =>
        JSON.parse(
          execFileSync(process.execPath, [...flags, script, library, shape, what], { encoding: 'utf8' }),
        );
      raw.push({ ...measure('time'), ...measure('heap') });
    }
  }
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const summary = SHAPES.map((shape) => {
  const sides = librariesFor(shape).map((library) => {
    const own = raw.filter((entry) => entry.shape === shape && entry.library === library);
    const times = own.map((entry) => entry.ms);
    return {
      library,
      ms: median(times),
      fastest: Math.min(...times),
      slowest: Math.max(...times),
      operations: own[0]?.operations,
      allocatedOnEqual: Math.round(median(own.map((entry) => entry.allocated))),
    };
  });
  // Sides of one round ran next to each other, so whatever else the machine did weighs on both.
  const timesOf = (/** @type {string} */ library) =>
    raw.filter((entry) => entry.shape === shape && entry.library === library).map((entry) => entry.ms);
  const ours = timesOf('headwater');
  const ratios = sides.slice(1).map(({ library }) => {
    const theirs = timesOf(library);
    const rounds = ours.map((ms, round) => ms / (theirs[round] ?? Number.NaN));
    return { library, ratio: median(rounds), lowest: Math.min(...rounds), highest: Math.max(...rounds) };
  });
  const { bytes } = raw.find((entry) => entry.shape === shape) ?? {};
  return { shape, bytes, sides, ratios };
});

for (const { shape, bytes, sides, ratios } of summary) {
  console.log(`\n${shape}: ${((bytes ?? 0) / 1e6).toFixed(2)} MB, ${rounds} rounds`);
  for (const side of sides) {
    console.log(
      `  ${side.library.padEnd(16)} ${side.ms.toFixed(2)} ms (${side.fastest.toFixed(2)} to ${side.slowest.toFixed(2)}), ` +
        `${side.operations} operations, ${side.allocatedOnEqual} bytes allocated a run on equal documents`,
    );
  }
  for (const { library, ratio, lowest, highest } of ratios) {
    const verdict = library === 'fast-json-patch' ? (ratio <= GOAL ? ', goal met' : `, goal is ${GOAL}`) : '';
    const spread = `${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
    console.log(`  ${ratio.toFixed(2)}x the time of ${library} (${spread} a round)${verdict}`);
  }
}

mkdirSync(results, { recursive: true });
const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
writeFileSync(`${results}diff.json`, `${JSON.stringify({ machine, rounds, summary, raw }, null, 2)}\n`);
