// A crowd of readers in a process of their own: see readers.ts.
import { createHash } from 'node:crypto';
import { Agent, get } from 'node:http';
import { createParser } from 'eventsource-parser';
import jsonPatch from 'fast-json-patch';
import { WebSocket } from 'ws';

/** @type {{ port: number, websockets: number, streams: number, topics: string[] }} */
const { port, websockets, streams, topics } = JSON.parse(process.argv[2]);
const size = websockets + streams;
/** How many readers have got a version of a topic, by topic and version. */
const reached = new Map();
const readers = [];
const faults = [];
let gaps = 0;
let closed = 0;

/** Keeps what one reader holds, and notes what must not happen. */
function reader() {
  const held = new Map(topics.map((topic) => [topic, { version: 0, value: undefined }]));
  function fault(text) {
    if (faults.length < 5) faults.push(text);
  }
  function take(message) {
    const { type, topic, version } = message;
    const now = held.get(topic);
    if (type === 'value') {
      if (version <= now.version) fault(`${topic}: value ${version} after ${now.version}`);
      now.value = message.value;
    } else if (type === 'patch') {
      if (message.from !== now.version) fault(`${topic}: patch from ${message.from} at ${now.version}`);
      now.value = jsonPatch.applyPatch(now.value, message.patch).newDocument;
    } else if (type === 'event') {
      if (version !== now.version + 1) fault(`${topic}: event ${version} after ${now.version}`);
    } else if (type === 'gap') {
      if (message.from !== now.version) fault(`${topic}: gap from ${message.from} at ${now.version}`);
      gaps += 1;
    } else return;
    now.version = version;
    const key = `${topic}:${version}`;
    const count = (reached.get(key) ?? 0) + 1;
    reached.set(key, count);
    if (count === size) process.send({ reached: key });
  }
  return {
    held,
    receive(text) {
      const parsed = JSON.parse(text);
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) take(message);
    },
  };
}

function openWebSocket() {
  return new Promise((resolve, reject) => {
    const { held, receive } = reader();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    readers.push({ held, pause: () => socket.pause(), resume: () => socket.resume() });
    let subscribed = 0;
    socket.on('open', () => {
      for (const topic of topics) socket.send(JSON.stringify({ type: 'subscribe', topic }));
    });
    socket.on('message', (data) => {
      const text = String(data);
      receive(text);
      if (subscribed < topics.length) {
        subscribed += text.split('"type":"subscribed"').length - 1;
        if (subscribed === topics.length) resolve();
      }
    });
    socket.on('error', reject);
    socket.on('close', () => (closed += 1));
  });
}

const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

function openStream() {
  return new Promise((resolve, reject) => {
    const { held, receive } = reader();
    const query = topics.map((topic) => `topic=${topic}`).join('&');
    const parser = createParser({ onEvent: ({ data }) => receive(data) });
    const request = get(`http://127.0.0.1:${port}/sse?${query}&mode=patch`, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`a stream was answered ${response.statusCode}`));
      readers.push({ held, pause: () => response.pause(), resume: () => response.resume() });
      response.setEncoding('utf8').on('data', (text) => parser.feed(text));
      response.on('close', () => (closed += 1));
      response.on('error', () => {});
      resolve();
    });
    request.on('error', reject);
  });
}

function report() {
  /** How many readers hold the same, by what they hold. */
  const holds = {};
  for (const { held } of readers) {
    for (const [topic, { version, value }] of held) {
      const text = value === undefined ? '' : JSON.stringify(value);
      const key = `${topic}:${version}:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
      holds[key] = (holds[key] ?? 0) + 1;
    }
  }
  return { holds, gaps, faults, closed };
}

process.on('message', (command) => {
  if (command === 'pause' || command === 'resume') for (const each of readers) each[command]();
  process.send({ done: command, report: report() });
});
process.on('disconnect', () => process.exit());

const BATCH = 100;
for (let n = 0; n < size; n += BATCH) {
  await Promise.all(
    Array.from({ length: Math.min(BATCH, size - n) }, (_, k) =>
      n + k < websockets ? openWebSocket() : openStream(),
    ),
  );
}
process.send({ done: 'open', report: report() });
