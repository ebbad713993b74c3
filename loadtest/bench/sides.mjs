/**
 * The servers that are compared: how each is started, and what a client says to it before it is subscribed. Our own
 * come first, then the bare controls, then the others that are there.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { works } from '../machine.mjs';

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const node = (/** @type {string} */ script, /** @type {string} */ variant) => ({
  command: (/** @type {string} */ scenario) => [
    process.execPath,
    '--expose-gc',
    here(`servers/${script}`),
    scenario,
    variant,
  ],
});

/**
 * @typedef {import('./servers/side.mjs').Scenario & { topicsEach: number, cursor?: string }} ClientScenario
 * @typedef {object} Side
 * @property {string} name
 * @property {(scenario: string) => string[]} command
 * @property {{ ws?: Dialect, sse?: Dialect }} dialects
 * @property {(scratch: string) => void} [prepare] builds it; throws where that cannot be done here
 * @typedef {(scenario: ClientScenario) => string[]} Dialect what `load` is told about the dialogue
 */

/** A client's topics, as the load's templates: as far apart as they can be. */
function topicsOf(/** @type {ClientScenario} */ { topics, topicsEach }) {
  return Array.from({ length: topicsEach }, (_, k) => `t#${k * Math.floor(topics / topicsEach)}#`);
}

const sayWhen = (/** @type {ClientScenario} */ scenario, /** @type {string} */ text) => [
  '-e',
  `${scenario.topicsEach}:${text}`,
];
const queryOf = (/** @type {ClientScenario} */ scenario) =>
  topicsOf(scenario)
    .map((topic) => `topic=${topic}`)
    .join('&');

/** One that comes with a cursor is sent no value: the server kept what its cursor is of. */
const getsValue = (/** @type {ClientScenario} */ { kind, cursor }) => kind === 'state' && !cursor;

/** @type {Dialect} */
function headwaterSocket(scenario) {
  const since = scenario.cursor ? { since: cursorOf(scenario.cursor) } : {};
  const subscribe = (/** @type {string} */ topic, /** @type {number} */ id) =>
    JSON.stringify({ type: 'subscribe', id, topic, ...since });
  return [
    ...['-u', '/ws'],
    ...topicsOf(scenario).flatMap((topic, id) => ['-s', subscribe(topic, id)]),
    ...sayWhen(scenario, getsValue(scenario) ? '"type":"value"' : `"resumed":${Boolean(since.since)}`),
  ];
}

/** @type {Dialect} */
function headwaterStream(scenario) {
  const mode = scenario.payload === 'document' ? '&mode=patch' : '';
  const cursor = scenario.cursor ? `&lastEventId=${scenario.cursor}` : '';
  const begun = getsValue(scenario) ? sayWhen(scenario, '"type":"value"') : ['-e', '1:retry:'];
  return ['-u', `/sse?${queryOf(scenario)}${mode}${cursor}`, ...begun];
}

function cursorOf(/** @type {string} */ text) {
  const [epoch, version] = text.split(':');
  return { epoch, version: Number(version) };
}

/** @type {Dialect} */
const bareSocket = (scenario) => ['-s', JSON.stringify(topicsOf(scenario)), ...sayWhen(scenario, '"id":"t')];
/** @type {Dialect} */
const bareStream = (scenario) => ['-u', `/?${queryOf(scenario)}`, ...sayWhen(scenario, '"id":"t')];

/** Engine.IO 4 and Socket.IO 5: open, connect to the namespace, then an event. A ping is `2`, its answer `3`. @type {Dialect} */
const socketIo = (scenario) => [
  ...['-u', '/socket.io/?EIO=4&transport=websocket', '-q', '2', '-a', '3'],
  ...['-e', '1:0{"sid"', '-s', '40', '-e', '1:40{"sid"'],
  ...['-s', `42${JSON.stringify(['subscribe', topicsOf(scenario)])}`],
  ...sayWhen(scenario, '"id":"t'),
];

const centrifugeConnect = (/** @type {ClientScenario} */ scenario) =>
  JSON.stringify({
    id: 1,
    connect: { subs: Object.fromEntries(topicsOf(scenario).map((topic) => [topic, {}])) },
  });
/** A ping is an empty command, and so is its answer. @type {Dialect} */
const centrifugeSocket = (scenario) => [
  ...['-u', '/connection/websocket', '-q', '{}', '-a', '{}'],
  ...['-s', centrifugeConnect(scenario), '-e', '1:"id":1'],
];
/** @type {Dialect} */
const centrifugeStream = (scenario) => [
  ...[
    '-u',
    `/connection/sse?cf_connect=${encodeURIComponent(centrifugeConnect(scenario)).replaceAll('%23', '#')}`,
  ],
  ...['-e', '1:"id":1'],
];

let centrifuge = '';
let centrifugo = '';

/** @param {string} scratch */
function buildCentrifuge(scratch) {
  if (!works('go', ['version'])) throw new Error('there is no Go here');
  centrifuge = join(scratch, 'centrifuge');
  execFileSync('go', ['build', '-o', centrifuge, '.'], { cwd: here('servers/centrifuge'), stdio: 'pipe' });
}

/** It has to be there: a build of it takes minutes. */
function findCentrifugo() {
  const installed = works('go', ['version'])
    ? join(execFileSync('go', ['env', 'GOPATH'], { encoding: 'utf8' }).trim(), 'bin', 'centrifugo')
    : '';
  const found = ['centrifugo', installed].find((command) => command && works(command, ['version']));
  if (!found) throw new Error('it is not installed (go install github.com/centrifugal/centrifugo/v6@v6.9.1)');
  centrifugo = found;
}

/** @type {Side[]} */
export const SIDES = [
  {
    name: 'headwater-uws',
    ...node('headwater.mjs', 'uws'),
    dialects: { ws: headwaterSocket, sse: headwaterStream },
  },
  {
    name: 'headwater-libuv',
    ...node('headwater.mjs', 'libuv'),
    dialects: { ws: headwaterSocket, sse: headwaterStream },
  },
  { name: 'uws-publish', ...node('uws.mjs', 'publish'), dialects: { ws: bareSocket } },
  { name: 'uws-loop', ...node('uws.mjs', 'loop'), dialects: { ws: bareSocket } },
  { name: 'uws-sse', ...node('sse.mjs', 'uws'), dialects: { sse: bareStream } },
  { name: 'ws-naive', ...node('ws.mjs', 'naive'), dialects: { ws: bareSocket } },
  { name: 'ws-framed', ...node('ws.mjs', 'framed'), dialects: { ws: bareSocket } },
  { name: 'node-sse', ...node('sse.mjs', 'node'), dialects: { sse: bareStream } },
  { name: 'socket.io', ...node('socket-io.mjs', ''), dialects: { ws: socketIo } },
  {
    name: 'centrifuge',
    command: (scenario) => [centrifuge, scenario],
    dialects: { ws: centrifugeSocket, sse: centrifugeStream },
    prepare: buildCentrifuge,
  },
  {
    name: 'centrifugo',
    command: (scenario) => [process.execPath, here('servers/centrifugo.mjs'), scenario, centrifugo],
    dialects: { ws: centrifugeSocket, sse: centrifugeStream },
    prepare: findCentrifugo,
  },
];
