/** Bare uWebSockets.js. `loop`: a `send` to each client. `publish`: its own topics, which it batches by turn of the loop. */
import { loadUws } from '../../../dist/server/loop/uws-load.js';
import { createBoard } from './board.mjs';
import { announce } from './side.mjs';

/** Above it a message would be dropped. */
const MAX_BACKPRESSURE = 256 * 1024 * 1024;

const native = process.argv[3] === 'publish';
const board = createBoard();
const uws = loadUws();

const app = uws.App().ws('/*', {
  compression: uws.DISABLED,
  maxBackpressure: MAX_BACKPRESSURE,
  message(client, message) {
    for (const topic of JSON.parse(Buffer.from(message).toString())) {
      if (native) client.subscribe(topic);
      client.send(board.join(topic, client), false);
    }
  },
  close: (client) => board.leave(client),
});

function sendToEach(/** @type {string} */ topic, /** @type {object} */ value) {
  const { json, clients } = board.post(topic, value);
  const bytes = Buffer.from(json);
  for (const client of clients) client.send(bytes, false);
}

const publish = (/** @type {string} */ topic, /** @type {object} */ value) =>
  app.publish(topic, board.post(topic, value).json, false);

app.listen('127.0.0.1', 0, 0, (socket) =>
  announce(uws.us_socket_local_port(socket), native ? publish : sendToEach),
);
