/**
 * What every server of the delivery benchmark in JavaScript shares: the scenario it was started for, what it
 * publishes, and the talk with the bench. A server prints `{"port":N}` once it listens, with a `pid` where another
 * process is what is measured; then it reads commands, a line of JSON each, and answers each with one:
 *
 *   {"publish":{"rate":50,"bursts":150}}   ->   {"published":150}   publishes, evenly, and says how many versions that made
 *   {"settle":true}                        ->   {"settled":true}    collects garbage, before its memory is read
 *
 * Publishing happens inside the server, so that what is compared is delivery. It ends with its standard input.
 */
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { documentOf, messageOf } from './payload.mjs';

/**
 * @typedef {object} Scenario
 * @property {'ws' | 'sse'} transport
 * @property {'state' | 'event'} kind
 * @property {number} topics named t0, t1, …
 * @property {number} burst how many topics a burst publishes to, one after the other
 * @property {'message' | 'document'} payload
 * @property {number} [port] default: any free one
 * @property {string} [state] the folder in which ours keeps its state; default: it keeps none
 */

/** @type {Scenario} */
export const scenario = JSON.parse(process.argv[2] ?? '{}');

/** Between two collections, in ms. */
const SETTLE = 250;

const makeValue = scenario.payload === 'document' ? documentOf : messageOf;

export const topicNames = Array.from({ length: scenario.topics }, (_, index) => `t${index}`);

/** What a topic holds before anything is published: it carries no stamp, so that it does not count as delivered. */
export const initialValue = (/** @type {string} */ topic) => makeValue(topic, undefined);

/**
 * @typedef {object} Particulars
 * @property {() => number} [versions] how many were made so far; default: one each time
 * @property {number} [pid] the process that is measured; default: this one
 * @property {() => unknown} [collect] a garbage collection there; default: here
 *
 * @param {number} port
 * @param {(topic: string, value: object) => void} publish
 * @param {Particulars} [particulars]
 */
export function announce(port, publish, { versions, pid, collect = globalThis.gc } = {}) {
  let count = 0;
  let next = 0;

  async function burst() {
    for (let i = 0; i < scenario.burst; i++) {
      const topic = topicNames[next++ % topicNames.length] ?? '';
      publish(topic, makeValue(topic, stamp()));
      count++;
    }
    // A burst is one turn of the event loop, also when the server is behind with them.
    await nextTurn();
  }

  async function publishAll(/** @type {{ rate: number, bursts: number }} */ { rate, bursts }) {
    const before = versions?.() ?? count;
    const start = performance.now();
    for (let done = 0; done < bursts; done++) {
      const early = start + (done * 1000) / rate - performance.now();
      if (early > 0) await sleep(early);
      await burst();
    }
    await nextTurn();
    return { published: (versions?.() ?? count) - before };
  }

  const say = (/** @type {object} */ line) => console.log(JSON.stringify(line));
  const commands = createInterface({ input: process.stdin });
  commands.on('line', async (line) => {
    const command = JSON.parse(line);
    if (command.publish) say(await publishAll(command.publish));
    if (command.settle) {
      // Pages that a collection has emptied are given back beside the program's work; weak things go with the next one.
      for (let round = 0; round < 2; round++) {
        await collect?.();
        await sleep(SETTLE);
      }
      say({ settled: true });
    }
  });
  commands.on('close', () => process.exit());
  say({ port, pid });
}

let lastStamp = 0n;

/** Nanoseconds of the monotonic clock, always rising: what the load looks for and measures latency from. */
function stamp() {
  const now = process.hrtime.bigint();
  lastStamp = now > lastStamp ? now : lastStamp + 1n;
  return `@@${String(lastStamp).padStart(16, '0')}`;
}
