import { once } from 'node:events';
import { createServer } from 'node:net';
import { HeadwaterError } from '../../shared/errors.js';

/** Below the range that kernels give to outgoing connections, so that nobody takes the port between two servers. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A free port for something that is started and started again on it. */
export async function reservedPort(): Promise<number> {
  const { port } = await onReservedPort(requireFree);
  return port;
}

/** @throws {HeadwaterError} `port_in_use` */
export async function requireFree(port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (cause) {
    throw new HeadwaterError('port_in_use', `port ${port} is taken`, { cause });
  }
  server.close();
  await once(server, 'close');
}

/** Starts something on a free port that a second one can have after it, for tests of restarts. */
export async function onReservedPort<T>(
  start: (port: number) => Promise<T>,
): Promise<{ port: number; started: T }> {
  for (let attempt = 1; ; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      return { port, started: await start(port) };
    } catch (error) {
      const taken = error instanceof HeadwaterError && error.code === 'port_in_use';
      if (!taken || attempt === 20) throw error;
    }
  }
}
