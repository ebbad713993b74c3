import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
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
  const answering = answeringSockets();
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
    answering.add(message.socket, outgoing);
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
      closed ??= cutAll([...answering.open(), ...glue.upgrades.open]).then(unmount);
      return closed;
    },
  };
}

/** Empty before the application's server listens. */
function addressOf(server: Server): { address: string; port: number } {
  const bound = server.address();
  return bound === null || typeof bound === 'string' ? { address: '', port: 0 } : bound;
}

interface AnsweringSockets {
  add(socket: Socket, outgoing: ServerResponse): void;
  open(): Iterable<Socket>;
}

/**
 * The connections with answers that are not complete, which are counted: a pipelined one has no connection of its own
 * until its turn, so that Node can neither cut that by it nor tell it of the end.
 */
function answeringSockets(): AnsweringSockets {
  const answers = new Map<Socket, number>();
  const forget = function (this: Socket): void {
    answers.delete(this);
  };
  const answered = (socket: Socket): void => {
    const left = (answers.get(socket) ?? 0) - 1;
    if (left > 0) {
      answers.set(socket, left);
    } else if (answers.delete(socket)) {
      socket.off('close', forget);
    }
  };
  return {
    add(socket, outgoing) {
      const before = answers.get(socket) ?? 0;
      if (before === 0) socket.once('close', forget);
      answers.set(socket, before + 1);
      outgoing.once('close', () => answered(socket));
    },
    open: () => answers.keys(),
  };
}

async function cutAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => {
      const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.destroy();
      return gone;
    }),
  );
}
