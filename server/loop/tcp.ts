import { createServer, type Server, type Socket } from 'node:net';
import { throwLater } from './defect.js';
import { listenError } from './listen-error.js';
import type {
  DefectReporter,
  Listener,
  ListenOptions,
  TcpConnection,
  TcpHandlers,
  TcpListenOptions,
} from './policy.js';
import { tcpConnection } from './tcp-connection.js';

/** Connections that wait for `accept`; the kernel caps it (`net.core.somaxconn`). */
const BACKLOG = 4096;

/**
 * A peer that is silent for 10 s is asked by the kernel whether it is there, and given up after ten more questions, one
 * a second (libuv's own numbers). The kernel does not ask while something it sent is not acknowledged.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 10_000 } as const;

/**
 * Raw TCP over libuv, the same for every policy: uWebSockets.js offers none to JavaScript.
 * See {@link tcpConnection} for what makes it fast.
 */
export async function listenTcp(
  options: TcpListenOptions,
  accept: (connection: TcpConnection) => TcpHandlers,
): Promise<Listener> {
  const report = options.onDefect ?? throwLater;
  const sockets = new Set<Socket>();
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...KEEP_ALIVE },
    (accepted) => {
      const socket = tcpConnection(accepted, accept, report);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
  );
  await bind(server, options, report);
  return serverListener(server, sockets);
}

/** Binds a server. What it meets later (an `accept` that fails for want of file descriptors) is reported, not fatal. */
export function bind(server: Server, options: ListenOptions, report: DefectReporter): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => reject(listenError(cause, options));
    server.once('error', failed);
    server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
      server.off('error', failed);
      server.on('error', (error) => report(error, 'accepting connections'));
      resolve();
    });
  });
}

/** The listener of a bound server; `open` are the sockets that `close` must cut, removed as they close. */
export function serverListener(server: Server, open: ReadonlySet<Socket>): Listener {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const ended = new Promise<void>((resolve) => server.once('close', resolve));
  const stopListening = (): void => {
    if (server.listening) server.close();
  };
  return {
    host: address.address,
    port: address.port,
    stopListening,
    async close() {
      stopListening();
      const cut = [...open].map((socket) => {
        const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        socket.destroy();
        return gone;
      });
      await Promise.all([ended, ...cut]);
    },
  };
}
