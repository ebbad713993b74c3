import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { throwLater } from './defect.js';
import { answerAnyway, httpGlue } from './libuv-http.js';
import type { HttpHandlers, HttpListenOptions, Listener } from './policy.js';

export interface MountOptions
  extends Pick<HttpListenOptions, 'maxMessageBytes' | 'slowTimeout' | 'onDefect'> {
  /** The path below which requests are taken, such as `/live`; empty: all of them. It is cut off `path`. */
  prefix: string;
}

type RequestListener = (message: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * Takes requests and WebSocket handshakes below a prefix over from an application's own `node:http` or `node:https`
 * server; everything else goes where it went before, to the listeners that the server has by now. `close` gives the
 * server back: its listeners stand as they were, our own connections are cut, all others and the server go on.
 */
export function mountHttp(server: Server, options: MountOptions, handlers: HttpHandlers): Listener {
  const { prefix } = options;
  const glue = httpGlue(options, handlers, options.onDefect ?? throwLater);
  const ours = new Set<ServerResponse>();
  const theirs = server.rawListeners('request') as RequestListener[];
  let accepting = true;

  const below = (url: string): boolean =>
    url.startsWith(prefix) && ['/', '?', undefined].includes(prefix === '' ? '/' : url[prefix.length]);
  const cutPrefix = (url: string): string => {
    const rest = url.slice(prefix.length);
    return rest.startsWith('/') ? rest : `/${rest}`;
  };

  const onRequest: RequestListener = (message, outgoing) => {
    const url = message.url ?? '/';
    if (!below(url)) {
      for (const listener of theirs) listener.call(server, message, outgoing);
      return;
    }
    ours.add(outgoing);
    outgoing.once('close', () => ours.delete(outgoing));
    if (accepting) glue.onRequest(message, outgoing, cutPrefix(url));
    else outgoing.writeHead(503, { connection: 'close' }).end();
  };

  const onUpgrade = (message: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const url = message.url ?? '/';
    if (below(url) && accepting) {
      glue.onUpgrade(message, socket, head, cutPrefix(url));
    } else if (below(url) || server.listenerCount('upgrade') === 1) {
      // Without an upgrade listener Node treats such a request as any other; ours must not change that.
      answerAnyway(message, socket, (outgoing) => onRequest(message, outgoing));
    }
  };

  const unmount = (): void => {
    const later = server.rawListeners('request').filter((listener) => listener !== onRequest);
    server.removeAllListeners('request').off('upgrade', onUpgrade);
    for (const listener of [...theirs, ...later]) server.on('request', listener as RequestListener);
  };

  server.removeAllListeners('request').on('request', onRequest).on('upgrade', onUpgrade);
  let closed: Promise<void> | undefined;
  return {
    get host() {
      return addressOf(server).address;
    },
    get port() {
      return addressOf(server).port;
    },
    stopListening() {
      accepting = false;
    },
    close() {
      accepting = false;
      closed ??= cutAll([...ours, ...glue.upgrades.open]).then(unmount);
      return closed;
    },
  };
}

/** Empty before the application's server listens. */
function addressOf(server: Server): { address: string; port: number } {
  const bound = server.address();
  return bound === null || typeof bound === 'string' ? { address: '', port: 0 } : bound;
}

async function cutAll(open: readonly (ServerResponse | Duplex)[]): Promise<void> {
  await Promise.all(
    open.map((each) => {
      const gone = new Promise<void>((resolve) => each.once('close', () => resolve()));
      each.destroy();
      return gone;
    }),
  );
}
