import type { Listener, LoopPolicy, TcpListenOptions } from '../loop/policy.js';

/**
 * Serves echo (RFC 862) over TCP: every byte comes back, unchanged and in order. Its memory is bounded by the peer:
 * nothing more is read while something waits to leave. After a half-close it sends what is due, then closes.
 * @throws {HeadwaterError} `port_in_use`, `listen_failed`
 */
export function serveEcho(policy: LoopPolicy, options: TcpListenOptions): Promise<Listener> {
  return policy.listenTcp(options, (connection) => ({
    data(bytes) {
      if (!connection.write(bytes)) connection.pause();
    },
    drain() {
      connection.resume();
    },
    end() {
      connection.end();
    },
  }));
}
