/**
 * A crowd of WebSocket clients in a process of its own, so that the process of the test serves undisturbed. Speaks the
 * wire itself (RFC 6455), and holds every client to what the protocol promises: no hole, no duplicate, no step back.
 *
 * Told over IPC `{ come: { port, topic, window } }`: every client connects, resumes with the cursor it holds, and is
 * answered for once it is subscribed and up to date. `{ settle: version }`: answered for once every client holds that version.
 * `{ report: true }`: what the crowd holds now. `{ awaitDeparture: true }`: once all have been closed.
 */
import { connect } from 'node:net';
import { applyPatch } from '../../dist/shared/patch.js';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const MASK = Buffer.from([0x3a, 0x91, 0x5c, 0xe7]);
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const clients = Array.from({ length: Number(process.argv[2]) }, () => ({
  socket: undefined,
  inbox: Buffer.alloc(0),
  standing: false,
  epoch: undefined,
  version: 0,
  value: undefined,
  subscribed: false,
  resumed: false,
  hint: undefined,
  code: undefined,
}));
/** What is wrong with what was received; the first few are enough. */
const faults = [];
let refused = 0;
let values = 0;
let patches = 0;
let waiting = () => {};

const fault = (text) => {
  if (faults.length < 10) faults.push(text);
};

/** Patches are applied once for all who hold the same value. */
const applied = new WeakMap();
function patched(value, patch) {
  const text = JSON.stringify(patch);
  const known = applied.get(value) ?? new Map();
  applied.set(value, known);
  if (!known.has(text)) known.set(text, applyPatch(value, patch));
  return known.get(text);
}
/** One object for each value, so that `patched` finds it. */
const whole = new Map();
function oneOf(value) {
  const text = JSON.stringify(value);
  if (!whole.has(text)) whole.set(text, value);
  return whole.get(text);
}

function hear(client, message) {
  switch (message.type) {
    case 'subscribed':
      client.subscribed = true;
      client.resumed = message.resumed;
      if (!message.resumed) client.version = -1;
      client.epoch = message.epoch;
      client.goal = message.version;
      break;
    case 'value':
      values += 1;
      if (message.version <= client.version) fault(`value ${message.version} after ${client.version}`);
      client.version = message.version;
      client.value = oneOf(message.value);
      break;
    case 'patch':
      patches += 1;
      if (message.from !== client.version) fault(`patch from ${message.from} for ${client.version}`);
      client.version = message.version;
      client.value = patched(client.value, message.patch);
      break;
    case 'drain':
      client.hint = message.reconnectAfter;
      break;
    case 'hello':
      break;
    default:
      fault(JSON.stringify(message));
  }
}

function say(client, opcode, payload) {
  const header =
    payload.length > 125
      ? [0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 255]
      : [0x80 | opcode, 0x80 | payload.length];
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] ^= MASK[i % 4];
  client.socket.write(Buffer.concat([Buffer.from(header), MASK, masked]));
}

/** Takes whole frames off the front of what was received. */
function takeFrames(client) {
  for (;;) {
    const { inbox } = client;
    if (inbox.length < 2) return;
    const short = inbox[1] & 127;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (inbox.length < head) return;
    const length =
      short < 126 ? short : short === 126 ? inbox.readUInt16BE(2) : Number(inbox.readBigUInt64BE(2));
    if (inbox.length < head + length) return;
    const payload = inbox.subarray(head, head + length);
    client.inbox = inbox.subarray(head + length);
    const opcode = inbox[0] & 15;
    if (opcode === TEXT) {
      const message = JSON.parse(payload.toString());
      for (const each of Array.isArray(message) ? message : [message]) hear(client, each);
    } else if (opcode === PING) say(client, PONG, payload);
    else if (opcode === CLOSE) {
      client.code = payload.readUInt16BE(0);
      say(client, CLOSE, payload);
      client.socket.end();
    }
  }
}

function standUp(client, topic) {
  const end = client.inbox.indexOf('\r\n\r\n');
  if (end < 0) return;
  if (!client.inbox.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
    refused += 1;
    client.socket.destroy();
    return;
  }
  client.inbox = client.inbox.subarray(end + 4);
  client.standing = true;
  const since = client.epoch && { epoch: client.epoch, version: client.version };
  say(client, TEXT, Buffer.from(JSON.stringify({ type: 'subscribe', id: 1, topic, since })));
}

function come(client, { port, topic }, arrived) {
  const socket = connect(port, '127.0.0.1');
  Object.assign(client, { socket, inbox: Buffer.alloc(0), standing: false, subscribed: false });
  Object.assign(client, { hint: undefined, code: undefined });
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.write(
    `GET /ws HTTP/1.1\r\nhost: crowd\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\n\r\n`,
  );
  socket.on('data', (chunk) => {
    client.inbox = client.inbox.length === 0 ? chunk : Buffer.concat([client.inbox, chunk]);
    if (!client.standing) standUp(client, topic);
    if (client.standing) takeFrames(client);
    if (arrived && client.subscribed && client.version >= client.goal) {
      const there = arrived;
      arrived = undefined;
      there();
    }
    waiting();
  });
  socket.on('close', () => {
    client.socket = undefined;
    // Refused or cut before it stood: it tries again, as a client would.
    if (arrived) setTimeout(() => come(client, { port, topic }, arrived), 20);
    waiting();
  });
}

/** Lets them all in, at most `window` on their way at a time. */
function comeAll(options) {
  return new Promise((resolve) => {
    const queue = [...clients];
    let missing = queue.length;
    const next = () => {
      const client = queue.shift();
      if (client)
        come(client, options, () => {
          missing -= 1;
          if (missing === 0) resolve();
          next();
        });
    };
    for (let i = 0; i < options.window; i++) next();
  });
}

/** Looks at most once a turn: a look is at all clients. */
function until(holds) {
  return new Promise((resolve) => {
    let due = false;
    waiting = () => {
      if (due) return;
      due = true;
      setImmediate(() => {
        due = false;
        if (!holds()) return;
        waiting = () => {};
        resolve();
      });
    };
    waiting();
  });
}

function report() {
  const holds = new Map();
  for (const { epoch, version, value } of clients) {
    const key = `${epoch}:${version} ${JSON.stringify(value)}`;
    holds.set(key, (holds.get(key) ?? 0) + 1);
  }
  const count = (holds) => clients.filter(holds).length;
  const codes = {};
  for (const { code } of clients) codes[code] = (codes[code] ?? 0) + 1;
  const told = {
    /** How many clients hold each state, as `epoch:version value`. */
    holds: [...holds],
    connected: count(({ socket }) => socket),
    resumed: count(({ resumed }) => resumed),
    hints: clients.map(({ hint }) => hint).filter((hint) => hint !== undefined),
    codes,
    refused,
    values,
    patches,
    faults,
  };
  values = patches = refused = 0;
  return told;
}

process.on('message', async (/** @type {any} */ message) => {
  const began = performance.now();
  if (message.come) await comeAll(message.come);
  if (message.settle) await until(() => clients.every(({ version }) => version >= message.settle));
  if (message.awaitDeparture) await until(() => clients.every(({ socket }) => !socket));
  process.send?.({ ...report(), elapsed: performance.now() - began });
});
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });
