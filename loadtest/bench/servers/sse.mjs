/** Bare event streams: a `write` to each response, on `node:http` or on uWebSockets.js, where it is corked to be one call. */
import { createServer } from 'node:http';
import { loadUws } from '../../../dist/server/loop/uws-load.js';
import { createBoard } from './board.mjs';
import { announce } from './side.mjs';

/** @type {ReturnType<typeof createBoard<{ write(bytes: Buffer): unknown }>>} */
const board = createBoard();
const blockOf = (/** @type {string} */ json) => Buffer.from(`data: ${json}\n\n`);

function join(/** @type {string} */ query, /** @type {{ write(bytes: Buffer): unknown }} */ response) {
  for (const topic of new URLSearchParams(query).getAll('topic'))
    response.write(blockOf(board.join(topic, response)));
}

function writeToEach(/** @type {string} */ topic, /** @type {object} */ value) {
  const { json, clients } = board.post(topic, value);
  const block = blockOf(json);
  for (const response of clients) response.write(block);
}

function corkedToEach(/** @type {string} */ topic, /** @type {object} */ value) {
  const { json, clients } = board.post(topic, value);
  const block = blockOf(json);
  for (const response of clients) response.cork(() => response.write(block));
}

function onNode() {
  const server = createServer((request, response) => {
    response.on('close', () => board.leave(response));
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    join(request.url?.split('?')[1] ?? '', response);
  });
  server.listen(0, '127.0.0.1', () => announce(server.address().port, writeToEach));
}

function onUws() {
  const uws = loadUws();
  uws
    .App()
    .any('/*', (response, request) => {
      response.onAborted(() => board.leave(response));
      const query = request.getQuery() ?? '';
      response.cork(() => {
        response.writeHeader('content-type', 'text/event-stream').writeHeader('cache-control', 'no-store');
        join(query, response);
      });
    })
    .listen('127.0.0.1', 0, 0, (socket) => announce(uws.us_socket_local_port(socket), corkedToEach));
}

if (process.argv[3] === 'uws') onUws();
else onNode();
