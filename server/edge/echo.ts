import type { Listener, LoopPolicy, TcpListenOptions } from '../loop/policy.js';

export interface EchoOptions extends TcpListenOptions {
  /** Connections beyond this many are closed as they come: echo has no words of its own to say why. Absent or 0: no limit. */
  maxConnections?: number;
  /** Told of each of those. */
  onRefused?: () => void;
}

/** Where echo is served. */
export interface EchoListener extends Listener {
  /** How many connections it has now. */
  readonly connections: number;
}

/**
 * Serves echo (RFC 862) over TCP: every byte comes back, unchanged and in order. Its memory is bounded by the peer:
 * nothing more is read while something waits to leave. After a half-close it sends what is due, then closes.
 * @throws {HeadwaterError} `port_in_use`, `listen_failed`
 */
export async function serveEcho(
  policy: LoopPolicy,
  { maxConnections = 0, onRefused, ...options }: EchoOptions,
): Promise<EchoListener> {
  let connections = 0;
  const listener = await policy.listenTcp(options, (connection) => {
    if (maxConnections > 0 && connections >= maxConnections) {
      onRefused?.();
      connection.destroy();
      return { data() {} };
    }
    connections += 1;
    return {
      data(bytes) {
        if (!connection.write(bytes)) connection.pause();
      },
      drain() {
        connection.resume();
      },
      end() {
        connection.end();
      },
      close() {
        connections -= 1;
      },
    };
  });
  return {
    ...listener,
    get connections() {
      return connections;
    },
  };
}
