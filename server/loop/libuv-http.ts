import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { guarded, throwLater } from './defect.js';
import { framingRefusal } from './framing.js';
import { wantsWebSocket } from './handshake.js';
import { MAX_HEAD_BYTES } from './head.js';
import type { Adopt } from './libuv-direct-stream.js';
import { httpRequest, sentHeader } from './libuv-request.js';
import { httpResponse } from './libuv-response.js';
import { type LibuvUpgrades, libuvUpgrades } from './libuv-upgrade.js';
import { listenError } from './listen-error.js';
import { watchPeers } from './peer-watch.js';
import type { DefectReporter, HttpHandlers, HttpListenOptions, Listener } from './policy.js';
import { remoteAddressText } from './remote-address.js';
import { bind, KEEP_ALIVE, serverListener } from './tcp.js';

const SECOND = 1000;

/** What a client may take its time over. A slow or endless request is answered 408 or 431 and cut. */
const SERVER_LIMITS = {
  headersTimeout: 10 * SECOND,
  requestTimeout: 60 * SECOND,
  keepAliveTimeout: 75 * SECOND,
  connectionsCheckingInterval: 5 * SECOND,
  maxHeaderSize: MAX_HEAD_BYTES,
  noDelay: true,
  ...KEEP_ALIVE,
  joinDuplicateHeaders: true,
} as const;

/** HTTP over `node:http`, WebSockets over `ws`. */
export async function listenLibuvHttp(options: HttpListenOptions, handlers: HttpHandlers): Promise<Listener> {
  const report = options.onDefect ?? throwLater;
  const server = await makeServer(options);
  // Node would cut these when it stops listening, one whose answer is still leaving among them.
  server.closeIdleConnections = () => {};
  // Node would drop those above a count in silence, an `If-Match` among them; their bytes are bounded.
  server.maxHeadersCount = 0;
  if (options.maxConnections !== undefined) {
    server.maxConnections = options.maxConnections;
    server.on('drop', () => options.onRefused?.());
  }
  const sockets = new Set<Socket>();
  const streams = new Set<Socket>();
  const forget = function (this: Socket): void {
    sockets.delete(this);
    streams.delete(this);
  };
  const take = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', forget);
  };
  const adopt = (socket: Socket): void => {
    if (!sockets.has(socket)) take(socket);
    streams.add(socket);
  };
  server.on('connection', take);
  const { onRequest, onUpgrade } = httpGlue(options, handlers, report, adopt);
  server.on('request', onRequest);
  server.on('upgrade', onUpgrade);
  await bind(server, options, report);
  const listener = serverListener(server, sockets);
  return options.heartbeat === undefined
    ? listener
    : cuttingSilent(listener, streams, options.heartbeat, report);
}

/** The listener, which cuts streams whose clients acknowledge nothing until it is closed. */
function cuttingSilent(
  listener: Listener,
  streams: ReadonlySet<Socket>,
  heartbeat: number,
  report: DefectReporter,
): Listener {
  const watch = watchPeers({
    heartbeat,
    report,
    listener: () => listener,
    isNeeded: () => streams.size > 0,
    found({ connections }) {
      for (const socket of streams) {
        const peer = `${remoteAddressText(socket.remoteAddress)}:${socket.remotePort}`;
        if (connections.has(peer)) socket.destroy();
      }
    },
  });
  return {
    ...listener,
    async close() {
      await Promise.all([watch.close(), listener.close()]);
    },
  };
}

async function makeServer(options: HttpListenOptions): Promise<Server> {
  if (!options.tls) return createServer(SERVER_LIMITS);
  try {
    const [cert, key] = await Promise.all([readFile(options.tls.cert), readFile(options.tls.key)]);
    return createTlsServer({ ...SERVER_LIMITS, cert, key });
  } catch (cause) {
    throw listenError(cause, options);
  }
}

/** Listeners for `request` and `upgrade`. `url` stands in for the request's own, where a mount has cut it short. */
export interface HttpGlue {
  onRequest(message: IncomingMessage, outgoing: ServerResponse, url?: string): void;
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer, url?: string): void;
  readonly upgrades: LibuvUpgrades;
}

/**
 * Carries what a `node:http` server emits to the handlers. Streams leave `node:http` where `adopt` takes their
 * connections over; the server of an application, which may know its sockets too, keeps them.
 */
export function httpGlue(
  { maxMessageBytes, slowTimeout = 0 }: Pick<HttpListenOptions, 'maxMessageBytes' | 'slowTimeout'>,
  handlers: HttpHandlers,
  report: DefectReporter,
  adopt?: Adopt,
): HttpGlue {
  const upgrades = libuvUpgrades(maxMessageBytes, report);
  const refused = new WeakSet<Socket>();

  const onRequest: HttpGlue['onRequest'] = (message, outgoing, url) => {
    const response = httpResponse(message, outgoing, report, slowTimeout, adopt);
    const request = httpRequest(message, url);
    // What Node has parsed of the same piece of data comes here all the same.
    if (refused.has(message.socket)) return;
    const broken = framingRefusal((name) => sentHeader(message, name));
    if (broken) {
      refused.add(message.socket);
      response.send(broken.status, broken.headers, broken.body);
      return;
    }
    guarded(
      () => handlers.request(request, response),
      () => message.socket.destroy(),
      report,
      'http request',
    );
  };

  const onUpgrade: HttpGlue['onUpgrade'] = (message, socket, head, url) => {
    if (wantsWebSocket(message.headers.upgrade)) {
      upgrades.handle(message, socket as Socket, head, handlers, url);
    } else {
      answerAnyway(message, socket, (outgoing) => onRequest(message, outgoing, url));
    }
  };

  return { onRequest, onUpgrade, upgrades };
}

/**
 * A client may offer a protocol we do not speak (`Upgrade: h2c`); RFC 9110 section 7.8 lets us go on in HTTP/1.1, but
 * Node hands every such request to the upgrade listener. The connection ends with the answer, as Node's parser has let go of it.
 */
export function answerAnyway(
  message: IncomingMessage,
  duplex: Duplex,
  answer: (outgoing: ServerResponse) => void,
): void {
  const socket = duplex as Socket;
  socket.on('error', () => {});
  const outgoing = new ServerResponse(message);
  outgoing.shouldKeepAlive = false;
  outgoing.assignSocket(socket);
  outgoing.once('finish', () => {
    outgoing.detachSocket(socket);
    socket.end();
    // Node's server tells this of the answers that it began itself.
    outgoing.destroyed = true;
    outgoing.emit('close');
  });
  answer(outgoing);
}
