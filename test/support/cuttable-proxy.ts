import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface CuttableProxy {
  /** Where the server is reached through the proxy. */
  readonly url: string;
  /** Cuts every connection; new ones go through. */
  cut(): void;
  /**
   * From now on nothing goes through the connections that there are, in neither direction, and neither side is told:
   * what is sent is taken and lost, as where a machine has vanished behind a router. New ones go through.
   */
  swallow(): void;
}

/** Hears what goes through, each way. */
export interface Listeners {
  fromClient?: (bytes: Buffer) => void;
  fromServer?: (bytes: Buffer) => void;
}

/** A TCP proxy before an HTTP server, whose connections can be cut or swallowed as a broken network would. */
export async function cuttableProxy(target: string, listeners: Listeners = {}): Promise<CuttableProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const swallowed = new WeakSet<Socket>();
  const proxy = createServer((socket) => {
    const upstream = connect(Number(port), hostname);
    if (listeners.fromClient) socket.on('data', listeners.fromClient);
    if (listeners.fromServer) upstream.on('data', listeners.fromServer);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => swallowed.has(from) || to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        if (!swallowed.has(from)) to.destroy();
      });
      from.pipe(to);
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const swallow = () => {
    for (const socket of sockets) {
      swallowed.add(socket);
      socket.unpipe();
      socket.resume();
    }
  };
  onTestFinished(async () => {
    cut();
    proxy.close();
    await once(proxy, 'close');
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, cut, swallow };
}
