/** Bare `ws`. `naive`: a `send` of the text to each client. `framed`: one frame made, written to each client's socket. */
import { Sender, WebSocketServer } from 'ws';
import { createBoard } from './board.mjs';
import { announce } from './side.mjs';

const framed = process.argv[3] === 'framed';
/** @type {ReturnType<typeof createBoard<import('ws').WebSocket>>} */
const board = createBoard();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });

server.on('connection', (client) => {
  client.on('message', (topics) => {
    for (const topic of JSON.parse(String(topics))) client.send(board.join(topic, client));
  });
  client.on('close', () => board.leave(client));
});

function sendText(/** @type {string} */ topic, /** @type {object} */ value) {
  const { json, clients } = board.post(topic, value);
  for (const client of clients) client.send(json);
}

function writeFrame(/** @type {string} */ topic, /** @type {object} */ value) {
  const { json, clients } = board.post(topic, value);
  const text = { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true };
  const frame = Buffer.concat(Sender.frame(Buffer.from(json), text));
  for (const client of clients) client._socket.write(frame);
}

server.on('listening', () => announce(server.address().port, framed ? writeFrame : sendText));
