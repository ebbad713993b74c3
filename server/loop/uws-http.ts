import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer } from 'node:net';
import { guarded, throwLater } from './defect.js';
import { framingRefusal } from './framing.js';
import { handshakeRefusal, wantsWebSocket } from './handshake.js';
import { listenError } from './listen-error.js';
import { type PeerWatch, watchPeers } from './peer-watch.js';
import type {
  DefectReporter,
  HttpHandlers,
  HttpListenOptions,
  HttpRequest,
  HttpResponse,
  Listener,
  ListenOptions,
} from './policy.js';
import { refusal } from './refusal.js';
import { boundConnections } from './uws-connection-bound.js';
import type { UwsLife } from './uws-life.js';
import type { UwsApp, UwsListenSocket, UwsModule } from './uws-native.js';
import { releasable } from './uws-release.js';
import { uwsRequest } from './uws-request.js';
import { uwsResponse } from './uws-response.js';
import { upgradeBehavior } from './uws-upgrade.js';
import { waitingAnswers } from './uws-waiting.js';

/** HTTP and WebSockets over uWebSockets.js. */
export async function listenUwsHttp(
  native: UwsModule,
  options: HttpListenOptions,
  given: HttpHandlers,
): Promise<Listener> {
  const { handlers, report, onRefused, release } = releasable(
    given,
    options.onDefect ?? throwLater,
    options.onRefused,
  );
  const app = makeApp(native, options);
  const streams = new Set<UwsLife>();
  const waiting = waitingAnswers(options.slowTimeout ?? 0);
  const behavior = upgradeBehavior(native, options.maxMessageBytes, handlers, report, waiting);
  app.ws('/*', boundConnections(app, behavior, options.maxConnections, onRefused));
  app.any('/*', (res, req) => {
    const exchange = uwsRequest(res, req);
    // An answer would leave only after uWebSockets.js has read on, and called the handler for what comes next.
    if (framingRefusal(exchange.request.header)) {
      res.close();
      return;
    }
    const response = uwsResponse(res, exchange, report, waiting, streams);
    if (wantsWebSocket(exchange.request.header('upgrade'))) refuse(exchange.request, response);
    else guarded(() => handlers.request(exchange.request, response), response.cut, report, 'http request');
  });
  const host = await resolveHost(options);
  const socket = await bind(app, { ...options, host });
  const place = { host, port: native.us_socket_local_port(socket) };
  const watch =
    options.heartbeat === undefined ? undefined : cutSilent(place, streams, options.heartbeat, report);
  // Not in a closure of this function: the handlers of the app, which last, would keep it too.
  return uwsListener(native, app, place, socket, [...(watch ? [watch.close] : []), release]);
}

/** Answers a handshake that uWebSockets.js did not take for one. */
function refuse({ method, header }: HttpRequest, response: HttpResponse): void {
  const { status, headers, body } =
    handshakeRefusal(method, header) ?? refusal(400, 'this is no WebSocket handshake');
  response.send(status, headers, body);
}

/** Ends streams whose clients acknowledge nothing. Their ports are not to be had: all from one address have to be silent. */
function cutSilent(
  place: Pick<Listener, 'host' | 'port'>,
  streams: ReadonlySet<UwsLife>,
  heartbeat: number,
  report: DefectReporter,
): PeerWatch {
  return watchPeers({
    heartbeat,
    report,
    listener: () => place,
    isNeeded: () => streams.size > 0,
    found({ addresses }) {
      for (const stream of streams) if (addresses.has(stream.remoteAddress)) stream.vanish();
    },
  });
}

function makeApp(native: UwsModule, options: HttpListenOptions): UwsApp {
  if (!options.tls) return native.App();
  try {
    return native.SSLApp({ cert_file_name: options.tls.cert, key_file_name: options.tls.key });
  } catch {
    const { cert, key } = options.tls;
    throw listenError(new Error(`no usable certificate and key in ${cert} and ${key}`), options);
  }
}

async function resolveHost(options: HttpListenOptions): Promise<string> {
  try {
    return (await lookup(options.host)).address;
  } catch (cause) {
    throw listenError(cause, options);
  }
}

/**
 * Listens shared (SO_REUSEADDR and SO_REUSEPORT), as the exclusive mode of uWebSockets.js leaves both off: the port of
 * a server that was stopped would then be refused to the next one for the minute that its old connections are in
 * TIME_WAIT. That nobody else listens there, who would get half of the clients, Node is asked to find out.
 */
async function bind(app: UwsApp, options: ListenOptions): Promise<UwsListenSocket> {
  const port = await probe(options);
  const socket = await new Promise<UwsListenSocket | false>((resolve) => {
    app.listen(options.host, port, LISTEN_SHARED, resolve);
  });
  if (socket) return socket;
  throw listenError(new Error('uWebSockets.js could not listen and gives no reason; try again'), options);
}

const LISTEN_SHARED = 0;

/**
 * Listens as the server will and lets go again: returns the port, a free one for 0 (which uWebSockets.js would bind
 * without the options above), and has a reason where it fails, which uWebSockets.js never gives.
 */
function probe({ host, port }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause) => reject(listenError(cause, { host, port })));
    server.listen({ host, port }, () => {
      const bound = server.address() as AddressInfo;
      server.close(() => resolve(bound.port));
    });
  });
}

function uwsListener(
  native: UwsModule,
  app: UwsApp,
  place: Pick<Listener, 'host' | 'port'>,
  socket: UwsListenSocket,
  endings: readonly (() => void | Promise<void>)[],
): Listener {
  let listening = true;
  let closed: Promise<void> | undefined;
  return {
    ...place,
    stopListening() {
      if (!listening) return;
      listening = false;
      native.us_listen_socket_close(socket);
    },
    close() {
      // On a turn of its own: the caller may stand in a callback of a connection that this ends.
      closed ??= nextTurn()
        .then(() => {
          listening = false;
          app.close();
        })
        .then(nextTurn)
        .then(async () => {
          for (const end of endings) await end();
        });
      return closed;
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
