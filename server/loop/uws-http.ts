import { lookup } from 'node:dns/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { guarded, throwLater } from './defect.js';
import { wantsWebSocket } from './handshake.js';
import { listenError } from './listen-error.js';
import type { HttpHandlers, HttpListenOptions, Listener, ListenOptions } from './policy.js';
import type { UwsApp, UwsListenSocket, UwsModule } from './uws-native.js';
import { uwsRequest } from './uws-request.js';
import { uwsResponse } from './uws-response.js';
import { uwsUpgrades } from './uws-upgrade.js';

/** HTTP and WebSockets over uWebSockets.js. */
export async function listenUwsHttp(
  native: UwsModule,
  options: HttpListenOptions,
  handlers: HttpHandlers,
): Promise<Listener> {
  const report = options.onDefect ?? throwLater;
  const app = makeApp(native, options);
  const upgrades = uwsUpgrades(native, options.maxMessageBytes, handlers, report);
  app.ws('/*', upgrades.behavior);
  app.any('/*', (res, req) => {
    const exchange = uwsRequest(res, req);
    const response = uwsResponse(res, exchange, report);
    if (wantsWebSocket(exchange.request.header('upgrade'))) upgrades.refuseBroken(exchange.request, response);
    else guarded(() => handlers.request(exchange.request, response), response.cut, report, 'http request');
  });
  const host = await resolveHost(options);
  return uwsListener(native, app, host, await bind(app, { ...options, host }));
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
 * TIME_WAIT. That nobody else listens there, who would get half of the clients, is found out by asking.
 */
async function bind(app: UwsApp, options: ListenOptions): Promise<UwsListenSocket> {
  // Port 0 is bound without the options above, so a free port is looked up first.
  const port = options.port === 0 ? await freePort(options) : options.port;
  if (await answers({ ...options, port })) throw listenError(IN_USE, options);
  const socket = await new Promise<UwsListenSocket | false>((resolve) => {
    app.listen(options.host, port, LISTEN_SHARED, resolve);
  });
  if (socket) return socket;
  throw listenError(await whyItFails(options), options);
}

const LISTEN_SHARED = 0;
const IN_USE = Object.assign(new Error('a server answers there'), { code: 'EADDRINUSE' });

/** Whether somebody accepts connections there. */
function answers({ host, port }: ListenOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.setTimeout(ANSWER_TIMEOUT, () => done(false));
  });
}

/** Milliseconds. Whoever listens on an address of this machine answers at once. */
const ANSWER_TIMEOUT = 1_000;

async function freePort(options: ListenOptions): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (cause) => reject(listenError(cause, options)));
    probe.listen({ host: options.host, port: 0 }, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** uWebSockets.js does not say why it could not listen: Node is asked to do the same. */
function whyItFails({ host, port }: ListenOptions): Promise<Error> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen({ host, port }, () => {
      probe.close(() => resolve(new Error('uWebSockets.js gives no reason; try again')));
    });
  });
}

function uwsListener(native: UwsModule, app: UwsApp, host: string, socket: UwsListenSocket): Listener {
  const port = native.us_socket_local_port(socket);
  let listening = true;
  let closed: Promise<void> | undefined;
  return {
    host,
    port,
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
        .then(nextTurn);
      return closed;
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
