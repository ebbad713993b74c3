import { createServer } from 'node:net';

const server = createServer((socket) => {
  socket.on('data', (bytes) => socket.write(bytes));
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () =>
  console.log(/** @type {import('node:net').AddressInfo} */ (server.address()).port),
);
