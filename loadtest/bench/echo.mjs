/** The TCP echo, which has a bench of its own, and its goals against uvloop and Go. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('../echo/bench.mjs', import.meta.url));
const RESULTS = new URL('../results/echo.json', import.meta.url);
/** Ours is to be no slower than these. */
const RIVALS = ['uvloop', 'go'];

export function echo(/** @type {number} */ rounds, /** @type {number} */ seconds) {
  execFileSync(process.execPath, [BENCH, String(rounds), String(seconds)], { stdio: 'inherit' });
  const { summary } = JSON.parse(readFileSync(RESULTS, 'utf8'));
  for (const { kib, sides } of summary) {
    for (const { name, throughputRatio } of sides.filter((side) => RIVALS.includes(side.name))) {
      const verdict = throughputRatio >= 1 ? 'met' : 'missed';
      console.log(
        `  goal: ${kib} KiB at least as fast as ${name}: ${throughputRatio.toFixed(2)}: ${verdict}`,
      );
    }
  }
  return summary;
}
