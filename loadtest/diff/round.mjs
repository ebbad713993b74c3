/**
 * One measurement in a process of its own: `node --expose-gc round.mjs LIBRARY SHAPE time|heap`. Prints a line of JSON.
 * time: both documents are parsed anew for each run, as they are in service; only the comparison is timed.
 * heap: bytes allocated by comparing equal documents of whole numbers. (V8 boxes a fraction, 16 bytes, whenever one is
 * read from a parsed record, whoever reads it: that is no cost of an algorithm, and would hide those that are.)
 */
import assert from 'node:assert/strict';
import fastJsonPatch from 'fast-json-patch';
import { createPatch } from 'rfc6902';
import { diff } from '../../dist/server/store/diff.js';
import { texts } from './documents.mjs';

const RUNS = 40;
const WARM_UP = 15;
const ALLOCATION_RUNS = 20;

/** @type {Record<string, (from: any, to: any) => unknown[]>} */
const LIBRARIES = { headwater: diff, 'fast-json-patch': fastJsonPatch.compare, rfc6902: createPatch };

const [library = '', shape = '', what = ''] = process.argv.slice(2);
const compare = LIBRARIES[library];
if (!compare) throw new Error(`Unknown library ${library}: one of ${Object.keys(LIBRARIES).join(', ')}`);

console.log(JSON.stringify({ library, shape, ...(what === 'heap' ? heap(compare) : time(compare)) }));

/** @param {(from: any, to: any) => unknown[]} compare */
function time(compare) {
  const { before, after } = texts(shape);
  /** @type {number[]} */
  const times = [];
  let operations = 0;
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    const from = JSON.parse(before);
    const to = JSON.parse(after);
    const start = process.hrtime.bigint();
    const patch = compare(from, to);
    const elapsed = Number(process.hrtime.bigint() - start) / 1e6;
    if (run >= WARM_UP) times.push(elapsed);
    operations = patch.length;
    if (run === 0) {
      const applied = fastJsonPatch.applyPatch(from, /** @type {any} */ (patch)).newDocument;
      assert.deepEqual(applied, to, `the patch of ${library} does not give the document`);
    }
  }
  times.sort((a, b) => a - b);
  return { ms: times[times.length >> 1], operations, bytes: before.length };
}

/** @param {(from: any, to: any) => unknown[]} compare */
function heap(compare) {
  const { before } = texts(shape, true);
  const from = JSON.parse(before);
  const same = JSON.parse(before);
  for (let run = 0; run < WARM_UP; run++) compare(from, same);
  globalThis.gc?.();
  const used = process.memoryUsage().heapUsed;
  for (let run = 0; run < ALLOCATION_RUNS; run++) compare(from, same);
  return { allocated: (process.memoryUsage().heapUsed - used) / ALLOCATION_RUNS };
}
