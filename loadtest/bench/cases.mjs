/** What is measured: who publishes how much to whom, on which servers, and what is to come of it. */
import * as delivery from './measure/delivery.mjs';
import * as memory from './measure/memory.mjs';
import * as storm from './measure/storm.mjs';

/** What every other side is compared with. */
export const OURS = ['headwater-uws', 'headwater-libuv'];
const KIB = 1024;

/**
 * @typedef {object} Goal
 * @property {string} side
 * @property {'ws' | 'sse'} transport
 * @property {string} figure
 * @property {string} [against] the side that the limit is a multiple of; absent: the limit is absolute
 * @property {number} atMost
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {string} title
 * @property {readonly { key: string, label: string, digits: number }[]} figures the first is what sides are compared by
 * @property {(run: import('./measure/session.mjs').Run) => Promise<Record<string, number>>} measure
 * @property {readonly string[]} [only] the sides; default: all
 * @property {import('./measure/session.mjs').Setup} setup
 * @property {readonly Goal[]} goals
 */

/** @type {(side: string, against: string, atMost: number) => Goal} */
const cpuGoal = (side, against, atMost) => ({ side, transport: 'ws', figure: 'cpuMicros', against, atMost });

/** @type {Goal[]} */
const LATENCY_GOALS = OURS.flatMap((side) =>
  /** @type {const} */ (['ws', 'sse']).map((transport) => ({ side, transport, figure: 'p99', atMost: 5 })),
);

/** Against Centrifugo as its users publish to it, and against the library alone. */
const OTHERS_GOALS = OURS.flatMap((side) => [
  cpuGoal(side, 'centrifugo', 1 / 1.5),
  cpuGoal(side, 'centrifuge', 1 / 1.5),
  cpuGoal(side, 'socket.io', 1 / 3),
]);

const oneTopic = { kind: 'state', topics: 1, burst: 1, payload: 'message' };
const FAN_OUT = { connections: 1_000, topicsEach: 1, rate: 50, scenario: oneTopic };
/** The events of a burst fall into one turn of the loop, and so into one flush. */
const HIGH_RATE = {
  connections: 100,
  topicsEach: 1,
  rate: 200,
  scenario: { kind: 'event', topics: 1, burst: 10, payload: 'message' },
};
const CROWD = { connections: 5_000, topicsEach: 1, rate: 0, atOnce: 500, scenario: oneTopic };

/** @type {Case[]} */
export const CASES = [
  {
    name: 'fanout',
    title: 'fan-out: 1,000 subscribers, 50 updates/s of 128 bytes',
    figures: delivery.FIGURES,
    measure: delivery.measureDelivery,
    setup: FAN_OUT,
    goals: [
      cpuGoal('headwater-uws', 'uws-loop', 1.05),
      cpuGoal('headwater-libuv', 'ws-naive', 0.8),
      ...OTHERS_GOALS,
    ],
  },
  {
    name: 'highrate',
    title: 'high rate: 100 subscribers, 2,000 events/s of 128 bytes, ten every 5 ms',
    figures: delivery.FIGURES,
    measure: delivery.measureDelivery,
    setup: HIGH_RATE,
    goals: [
      cpuGoal('headwater-uws', 'uws-publish', 1.1),
      cpuGoal('headwater-libuv', 'uws-publish', 1.3),
      ...OTHERS_GOALS,
    ],
  },
  {
    name: 'topics',
    title:
      'many topics: 1,000 topics, 1,000 subscribers of ten each, 1 % of the topics change 100 times a second',
    figures: delivery.FIGURES,
    measure: delivery.measureDelivery,
    setup: {
      connections: 1_000,
      topicsEach: 10,
      rate: 100,
      // At a tenth of the messages a second it takes so long until the code is compiled.
      warmUp: 5,
      scenario: { kind: 'state', topics: 1_000, burst: 10, payload: 'message' },
    },
    goals: [],
  },
  {
    name: 'document',
    title: 'large document: 1.4 MB, 1 % changed every 200 ms, 200 subscribers',
    figures: delivery.FIGURES,
    measure: delivery.measureDelivery,
    only: [...OURS, 'ws-framed', 'uws-loop'],
    setup: {
      connections: 200,
      topicsEach: 1,
      rate: 5,
      atOnce: 20,
      scenario: { kind: 'state', topics: 1, burst: 1, payload: 'document' },
    },
    goals: [],
  },
  {
    name: 'latency',
    title: 'latency at half of full load: 1,000 subscribers, updates of 128 bytes',
    figures: delivery.LATENCY_FIGURES,
    measure: delivery.measureLatency,
    setup: FAN_OUT,
    goals: LATENCY_GOALS,
  },
  {
    name: 'latency-events',
    title: 'latency at half of full load: 100 subscribers, events of 128 bytes, ten at a time',
    figures: delivery.LATENCY_FIGURES,
    measure: delivery.measureLatency,
    setup: HIGH_RATE,
    goals: LATENCY_GOALS,
  },
  {
    name: 'memory',
    title: 'idle: 15,000 subscribers',
    figures: memory.FIGURES,
    measure: memory.measureMemory,
    setup: { connections: 15_000, topicsEach: 1, rate: 0, scenario: oneTopic },
    goals: /** @type {const} */ (['ws', 'sse']).flatMap((transport) => [
      { side: 'headwater-uws', transport, figure: 'bytesEach', atMost: 2 * KIB },
      { side: 'headwater-libuv', transport, figure: 'bytesEach', atMost: 8 * KIB },
    ]),
  },
  {
    name: 'connect',
    title: 'connect storm: 5,000 clients at once, 500 handshakes in flight, to the first value',
    figures: storm.FIGURES,
    measure: storm.measureConnects,
    setup: CROWD,
    goals: [],
  },
  {
    name: 'resume',
    title: 'resume storm: 5,000 clients come back with their cursors to a server restarted with its state',
    figures: storm.FIGURES,
    measure: storm.measureResumes,
    only: OURS,
    setup: CROWD,
    goals: [],
  },
];
