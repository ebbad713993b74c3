import { HeadwaterError, messageOf } from '../errors.js';
import type { ClientMessage, ServerMessage } from '../messages.js';
import { SUBPROTOCOL } from '../messages.js';
import type { Retry } from './backoff.js';
import { decodeFrame } from './decode.js';
import type { Transport, TransportSink, Wanted } from './transport.js';
import { createWatchdog } from './watchdog.js';

/** The part of the WHATWG `WebSocket` that the client uses; browsers, Node >= 22 and the package `ws` have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** `ws` only: cuts a dead connection now. What browsers and Node have can but ask the peer to close, and wait. */
  terminate?(): void;
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: 'error', listener: () => void): void;
}

export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** Connecting, upgrade and `hello` included, may take twice this long. */
const HANDSHAKE_SILENCE_MS = 5_000;
/** How long `close()` waits for close frames of the server. */
const CLOSE_TIMEOUT_MS = 1_000;
const AUTH_ID = 'auth';

export interface WebSocketTransportOptions {
  /** `ws:` or `wss:`. */
  url: string;
  WebSocket: WebSocketConstructor;
  token: string | undefined;
  retry: Retry;
  /** All topics that are subscribed to at this moment. */
  wanted(): Iterable<Wanted>;
  sink: TransportSink;
}

/** One WebSocket for all topics (PROTOCOL sections 1 and 2). Begins to connect at once. */
export function createWebSocketTransport(options: WebSocketTransportOptions): Transport {
  const { sink, retry } = options;
  /** The one that is in use. */
  let socket: WebSocketLike | undefined;
  /** All that are not closed yet: those that were given up too. */
  const sockets = new Set<WebSocketLike>();
  let ready = false;
  let draining = false;
  let closed = false;
  let redial: ReturnType<typeof setTimeout> | undefined;
  let lastId = 0;
  /** Which topic a subscribe that is not answered yet was for, by its id. */
  const asked = new Map<number, string>();
  const watchdog = createWatchdog(() => ready && send({ type: 'ping' }), giveUp);

  function send(message: ClientMessage): void {
    socket?.send(JSON.stringify(message));
  }

  function dial(): void {
    let dialled: WebSocketLike;
    try {
      dialled = new options.WebSocket(options.url, SUBPROTOCOL);
    } catch (cause) {
      sink.problem(
        new HeadwaterError('protocol_error', `Cannot open ${options.url}: ${messageOf(cause)}`, { cause }),
      );
      lose('the connection could not be opened');
      return;
    }
    socket = dialled;
    sockets.add(dialled);
    // Events of a socket that was given up may still come; only the present one is listened to.
    const current = () => socket === dialled;
    dialled.addEventListener('open', () => current() && opened());
    dialled.addEventListener('message', (event) => current() && frame(event.data));
    dialled.addEventListener('close', (event) => {
      sockets.delete(dialled);
      if (current()) lose(closeReason(event));
    });
    // Says nothing in browsers; `close` follows. Without a listener `ws` would throw.
    dialled.addEventListener('error', () => undefined);
    watchdog.start(HANDSHAKE_SILENCE_MS);
  }

  function opened(): void {
    ready = true;
    if (options.token !== undefined) send({ type: 'auth', id: AUTH_ID, token: options.token });
    for (const wanted of options.wanted()) subscribe(wanted);
  }

  function subscribe({ topic, mode, progress, cursor }: Wanted): void {
    if (!ready) return;
    const id = ++lastId;
    asked.set(id, topic);
    send({ type: 'subscribe', id, topic, mode, progress, since: cursor });
  }

  function frame(data: unknown): void {
    watchdog.heard();
    if (typeof data === 'string') decodeFrame(data, message, (error) => sink.problem(error));
    else
      sink.problem(
        new HeadwaterError('protocol_error', 'The server sent a binary frame, which says nothing.'),
      );
  }

  function message(message: ServerMessage): void {
    if (closed) return;
    switch (message.type) {
      case 'hello':
        retry.opened();
        if (message.heartbeat > 0) watchdog.start(message.heartbeat);
        sink.status('open');
        return;
      case 'drain':
        draining = true;
        retry.asked(message.reconnectAfter);
        sink.status('draining', 'the server is going away');
        return;
      case 'error': {
        const error = new HeadwaterError(message.code, message.message);
        const topic = typeof message.id === 'number' ? asked.get(message.id) : undefined;
        if (topic === undefined) sink.problem(error, message.topic);
        else {
          asked.delete(message.id as number);
          sink.refused(topic, error);
        }
        return;
      }
      case 'subscribed':
        if (typeof message.id === 'number') asked.delete(message.id);
        sink.message(message);
        return;
      default:
        sink.message(message);
    }
  }

  /** Ends a connection on which nothing comes any more, and plans the next. */
  function giveUp(): void {
    const silent = release();
    // Left alone it would stay open: its pings are answered by the platform, so the server has no reason to drop it.
    if (silent) cut(silent);
    lose('the server fell silent');
  }

  /** The connection is gone: plans the next. */
  function lose(reason: string): void {
    release();
    const wait = retry.next();
    sink.status('reconnecting', draining ? 'the server went away' : reason);
    draining = false;
    redial = setTimeout(dial, wait);
  }

  function release(): WebSocketLike | undefined {
    const released = socket;
    socket = undefined;
    ready = false;
    asked.clear();
    watchdog.stop();
    clearTimeout(redial);
    return released;
  }

  dial();
  return {
    subscribe,
    unsubscribe(topic) {
      if (ready) send({ type: 'unsubscribe', topic });
    },
    // A second subscribe replaces the first.
    resubscribe: subscribe,
    close() {
      closed = true;
      release()?.close(1000);
      return allClosed(sockets);
    },
  };
}

function cut(socket: WebSocketLike): void {
  if (socket.terminate) socket.terminate();
  else socket.close(1000);
}

/** Waits for sockets that are closing, and cuts those whose server does not answer. */
function allClosed(sockets: ReadonlySet<WebSocketLike>): Promise<void> {
  if (sockets.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const deadline = setTimeout(() => {
      for (const socket of sockets) cut(socket);
      resolve();
    }, CLOSE_TIMEOUT_MS);
    for (const socket of sockets) {
      socket.addEventListener('close', () => {
        if (sockets.size > 0) return;
        clearTimeout(deadline);
        resolve();
      });
    }
  });
}

function closeReason({ code, reason }: { code: number; reason: string }): string {
  // 1006 (RFC 6455, 7.4.1): no close frame came, so there is no more to tell.
  if (code === 1006) return 'the connection was lost';
  return reason ? `the server closed with ${code}: ${reason}` : `the server closed with ${code}`;
}
