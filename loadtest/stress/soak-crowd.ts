/** A crowd of a soak: clients of every kind that come, misbehave and go without a word, until somebody kills the process. */
import { get } from 'node:http';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { UPGRADE } from './clients/raw.js';
import { createRandom, type Random } from './random.js';

const CLIENTS = 20;

const port = Number(process.argv[2]);
const crowd = createRandom(Number(process.argv[3]));
const server = `127.0.0.1:${port}`;
const TOPICS = ['board', 'log', 'city/oslo', 'city/bergen', 'city/bodo', 'nobody'];

const KINDS = [talk, stream, poll, half];
for (let client = 0; client < CLIENTS; client++) void live(crowd.fork(`client ${client}`));

/** One client after another. */
async function live(random: Random): Promise<never> {
  for (;;) await random.pick(KINDS)(random);
}

async function talk(random: Random): Promise<void> {
  const socket = new WebSocket(`ws://${server}/ws`);
  socket.on('error', () => {});
  socket.on('open', () => {
    for (let n = random.int(1, 6); n > 0; n--)
      socket.send(JSON.stringify({ type: 'subscribe', topic: random.pick(TOPICS) }));
    if (random.chance(0.2)) socket.send(random.text(random.int(1, 100)));
    if (random.chance(0.3)) socket.pause();
  });
  await later(random);
  socket.resume();
  socket.terminate();
}

async function stream(random: Random): Promise<void> {
  const request = get(`http://${server}/sse?topic=board&topic=${random.pick(['log', 'city/oslo'])}`, {
    agent: false,
  });
  request
    .on('error', () => {})
    .on('response', (response) => {
      response.on('error', () => {});
      if (random.chance(0.7)) response.resume();
    });
  await later(random);
  request.destroy();
}

async function poll(random: Random): Promise<void> {
  const request = get(`http://${server}/topics/${random.pick(TOPICS)}?since=x:0&wait=5`, { agent: false });
  request.on('error', () => {}).on('response', (response) => response.on('error', () => {}).resume());
  await later(random);
  request.destroy();
}

async function half(random: Random): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {}).resume();
  socket.write(UPGRADE.slice(0, random.int(1, UPGRADE.length)));
  await later(random);
  if (random.chance(0.5)) socket.resetAndDestroy();
  else socket.destroy();
}

function later(random: Random): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, random.int(5, 400)));
}
