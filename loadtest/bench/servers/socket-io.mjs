/** Socket.IO with rooms, WebSocket only. */
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { createBoard } from './board.mjs';
import { announce } from './side.mjs';

const board = createBoard();
const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });

io.on('connection', (socket) => {
  socket.on('subscribe', (/** @type {string[]} */ topics) => {
    for (const topic of topics) {
      socket.join(topic);
      socket.emit('update', JSON.parse(board.join(topic, socket.id)));
    }
  });
  socket.on('disconnect', () => board.leave(socket.id));
});

http.listen(0, '127.0.0.1', () =>
  announce(http.address().port, (topic, value) => {
    board.post(topic, value);
    io.to(topic).emit('update', value);
  }),
);
