import { CLOSE_CODE } from './close-code.js';
import { guarded } from './defect.js';
import type { DefectReporter, WebSocketConnection, WebSocketHandlers } from './policy.js';
import type { UwsBehavior, UwsModule, UwsWebSocket } from './uws-native.js';
import { corked } from './uws-stream.js';

/**
 * uWebSockets.js cuts a connection whose message is too large without a close frame. So it may take twice as much,
 * and what lies between is refused here, with 1009; what is larger still is cut as it comes.
 */
const NATIVE_LIMIT_FACTOR = 2;

/** Why uWebSockets.js cut a connection, as it words it, in close codes. */
const CODE_OF_REASON: Record<string, number> = {
  'Received too big message': CLOSE_CODE.tooLarge,
  'Received invalid UTF-8': CLOSE_CODE.invalidText,
  'Received invalid WebSocket frame': CLOSE_CODE.protocolError,
  'Received invalid close payload': CLOSE_CODE.protocolError,
};

export interface UwsSocketOptions {
  open: (socket: WebSocketConnection) => WebSocketHandlers;
  remoteAddress: string;
  protocol: string;
  maxMessageBytes: number;
  report: DefectReporter;
}

/** What happens on one connection, called by the behavior that all of them share. */
interface UwsSocketEvents {
  message(message: ArrayBuffer, binary: boolean): void;
  pong(): void;
  ping(): void;
  drain(): void;
  close(code: number, reason: string): void;
}

/** Travels with a connection as its user data. */
export interface UwsUserData {
  readonly options: UwsSocketOptions;
  events?: UwsSocketEvents;
}

/** The settings and events of all WebSockets of a server. Heartbeats and bounds are the edge's business. */
export function socketBehavior(native: UwsModule, maxMessageBytes: number): Omit<UwsBehavior, 'upgrade'> {
  const eventsOf = (ws: UwsWebSocket): UwsSocketEvents | undefined =>
    (ws.getUserData() as UwsUserData).events;
  return {
    compression: native.DISABLED,
    maxPayloadLength: maxMessageBytes * NATIVE_LIMIT_FACTOR,
    idleTimeout: 0,
    maxBackpressure: 0,
    sendPingsAutomatically: false,
    open(ws) {
      const data = ws.getUserData() as UwsUserData;
      const { events, start } = webSocketConnection(ws, data.options);
      data.events = events;
      start();
    },
    message: (ws, message, binary) => eventsOf(ws)?.message(message, binary),
    pong: (ws) => eventsOf(ws)?.pong(),
    ping: (ws) => eventsOf(ws)?.ping(),
    drain: (ws) => eventsOf(ws)?.drain(),
    close: (ws, code, reason) => eventsOf(ws)?.close(code, Buffer.from(reason).toString()),
  };
}

function webSocketConnection(
  ws: UwsWebSocket,
  { open, remoteAddress, protocol, maxMessageBytes, report }: UwsSocketOptions,
): { events: UwsSocketEvents; start(): void } {
  // uWebSockets.js throws on any use of a socket after its close event.
  let alive = true;
  let opening = true;
  /** Asked to close: nothing is sent or received any more. */
  let closing = false;
  /** Whether everything that was sent has left, as far as the caller was told. */
  let clear = true;
  let handlers: WebSocketHandlers | undefined;
  const run = (work: () => void, where: string): void => guarded(work, connection.terminate, report, where);

  const sent = (): void => {
    if (clear) clear = ws.getBufferedAmount() === 0;
  };
  const send = (message: string | Uint8Array, binary: boolean): void => {
    if (!alive || closing) return;
    // 1: it left whole or waits in the cork buffer; 0: some of it is kept. Nothing is dropped without a limit.
    if (ws.send(message, binary) !== 1) clear = false;
  };

  const connection: WebSocketConnection = {
    remoteAddress,
    protocol,
    sendText: (text) => send(text, false),
    sendPrepared: (text) => send(text, false),
    sendBinary: (bytes) => send(bytes, true),
    ping() {
      if (alive && !closing && ws.ping() !== 1) clear = false;
    },
    cork(work) {
      if (!alive) return work();
      corked(ws, work);
      if (alive) sent();
    },
    get bufferedBytes() {
      // Most have nothing there, and each question to the native side shows in a fan-out.
      return alive && !clear ? ws.getBufferedAmount() : 0;
    },
    close(code, reason) {
      if (!alive || closing) return;
      closing = true;
      const end = (): void => {
        if (alive) ws.end(code, reason);
      };
      // Within the handshake uWebSockets.js would send FIN ahead of what is buffered.
      if (opening) setImmediate(end);
      else end();
    },
    terminate() {
      if (alive) ws.close();
    },
  };

  const events: UwsSocketEvents = {
    message(message, binary) {
      if (closing) return;
      // What was sent in answer to the last one left after its handler had returned, or did not.
      sent();
      if (message.byteLength > maxMessageBytes) {
        connection.close(CLOSE_CODE.tooLarge, 'message too large');
        return;
      }
      run(() => handlers?.message(new Uint8Array(message), binary), 'websocket message');
    },
    pong() {
      if (!closing) run(() => handlers?.pong?.(), 'websocket pong');
    },
    ping() {
      if (closing) return;
      // Its answer may have stayed with uWebSockets.js, which tells of that only by what is buffered.
      sent();
      run(() => handlers?.ping?.(), 'websocket ping');
    },
    drain() {
      if (clear || ws.getBufferedAmount() > 0) return;
      clear = true;
      run(() => handlers?.drain?.(), 'websocket drain');
    },
    close(nativeCode, nativeReason) {
      alive = false;
      const mapped = nativeCode === CLOSE_CODE.abnormal ? CODE_OF_REASON[nativeReason] : undefined;
      const code = mapped ?? nativeCode;
      const reason = nativeCode === CLOSE_CODE.abnormal && !mapped ? '' : nativeReason;
      // `end` and `close` call here before they return; the caller of those is not to be called within them.
      queueMicrotask(() => {
        const { close } = handlers ?? {};
        if (close)
          guarded(
            () => close(code, reason),
            () => {},
            report,
            'websocket close',
          );
      });
    },
  };

  const start = (): void => {
    run(() => {
      handlers = open(connection);
    }, 'websocket open');
    opening = false;
  };
  return { events, start };
}
