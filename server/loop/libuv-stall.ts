import type { Socket } from 'node:net';

const watched = new WeakSet<Socket>();

/**
 * Cuts a client that takes nothing for `slowTimeout` ms of what waits for it, which is all of an answer; 0: never. Node
 * sets the time-out anew when the answer is complete; one listener serves all answers of a connection.
 */
export function cutIfStalled(socket: Socket, slowTimeout: number): void {
  if (slowTimeout === 0 || socket.writableLength === 0) return;
  socket.setTimeout(slowTimeout);
  if (watched.has(socket)) return;
  watched.add(socket);
  socket.on('timeout', () => {
    if (socket.writableLength > 0) socket.destroy();
  });
}
