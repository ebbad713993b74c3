import { CLOSE_CODE } from './close-code.js';
import { guarded } from './defect.js';
import type { DefectReporter, PreparedText, WebSocketConnection, WebSocketHandlers } from './policy.js';
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
  maxMessageBytes: number;
  report: DefectReporter;
}

/** Travels with a connection as its user data. */
export interface UwsUserData {
  /** Until the connection is open: what they hold of the handshake need not outlive it. */
  options?: UwsSocketOptions | undefined;
  connection?: UwsConnection;
}

/** The settings and events of all WebSockets of a server. Heartbeats and bounds are the edge's business. */
export function socketBehavior(native: UwsModule, maxMessageBytes: number): Omit<UwsBehavior, 'upgrade'> {
  const connectionOf = (ws: UwsWebSocket): UwsConnection | undefined =>
    (ws.getUserData() as UwsUserData).connection;
  return {
    compression: native.DISABLED,
    maxPayloadLength: maxMessageBytes * NATIVE_LIMIT_FACTOR,
    idleTimeout: 0,
    maxBackpressure: 0,
    sendPingsAutomatically: false,
    open(ws) {
      const data = ws.getUserData() as UwsUserData;
      const options = data.options!;
      data.options = undefined;
      data.connection = new UwsConnection(ws, options);
      data.connection.start(options.open);
    },
    message: (ws, message, binary) => connectionOf(ws)?.received(message, binary),
    pong: (ws) => connectionOf(ws)?.ponged(),
    ping: (ws) => connectionOf(ws)?.pinged(),
    drain: (ws) => connectionOf(ws)?.drained(),
    close: (ws, code, reason) => connectionOf(ws)?.ended(code, Buffer.from(reason).toString()),
  };
}

/** One connection. A class, for there may be tens of thousands of them: closures would cost each some kilobytes. */
class UwsConnection implements WebSocketConnection {
  // What every send touches comes first, so that it lies on one line of the cache.
  /** uWebSockets.js throws on any use of a socket after its close event. */
  #alive = true;
  /** Asked to close: nothing is sent or received any more. */
  #closing = false;
  /** Whether everything that was sent has left, as far as the caller was told. */
  #clear = true;
  readonly #ws: UwsWebSocket;
  readonly #maxMessageBytes: number;
  readonly #report: DefectReporter;
  #handlers: WebSocketHandlers | undefined;
  /** Within the handshake uWebSockets.js would send FIN ahead of what is buffered, and within a cork none at all. */
  #endsLater = true;

  constructor(ws: UwsWebSocket, { maxMessageBytes, report }: UwsSocketOptions) {
    this.#ws = ws;
    this.#maxMessageBytes = maxMessageBytes;
    this.#report = report;
  }

  start(open: UwsSocketOptions['open']): void {
    this.#run(() => {
      this.#handlers = open(this);
    }, 'websocket open');
    this.#endsLater = false;
  }

  sendPrepared(text: PreparedText): boolean {
    this.#send(text, false);
    return this.#clear;
  }

  sendBinary(bytes: Uint8Array): void {
    this.#send(bytes, true);
  }

  ping(): void {
    if (this.#alive && !this.#closing && this.#ws.ping() !== 1) this.#clear = false;
  }

  cork(work: () => void): void {
    if (!this.#alive) {
      work();
      return;
    }
    const outer = this.#endsLater;
    this.#endsLater = true;
    try {
      corked(this.#ws, work);
    } finally {
      this.#endsLater = outer;
    }
    if (this.#alive) this.#lookBack();
  }

  get bufferedBytes(): number {
    // Most have nothing there, and each question to the native side shows in a fan-out.
    return this.#alive && !this.#clear ? this.#ws.getBufferedAmount() : 0;
  }

  close(code: number, reason: string): void {
    if (!this.#alive || this.#closing) return;
    this.#closing = true;
    const end = (): void => {
      if (this.#alive) this.#ws.end(code, reason);
    };
    if (this.#endsLater) setImmediate(end);
    else end();
  }

  terminate(): void {
    if (this.#alive) this.#ws.close();
  }

  received(message: ArrayBuffer, binary: boolean): void {
    if (this.#closing) return;
    // What was sent in answer to the last one left after its handler had returned, or did not.
    this.#lookBack();
    if (message.byteLength > this.#maxMessageBytes) {
      this.close(CLOSE_CODE.tooLarge, 'message too large');
      return;
    }
    this.#run(() => this.#handlers?.message(new Uint8Array(message), binary), 'websocket message');
  }

  ponged(): void {
    if (!this.#closing) this.#run(() => this.#handlers?.pong?.(), 'websocket pong');
  }

  pinged(): void {
    if (this.#closing) return;
    // Its answer may have stayed with uWebSockets.js, which tells of that only by what is buffered.
    this.#lookBack();
    this.#run(() => this.#handlers?.ping?.(), 'websocket ping');
  }

  drained(): void {
    if (this.#clear || this.#ws.getBufferedAmount() > 0) return;
    this.#clear = true;
    this.#run(() => this.#handlers?.drain?.(), 'websocket drain');
  }

  ended(nativeCode: number, nativeReason: string): void {
    this.#alive = false;
    const mapped = nativeCode === CLOSE_CODE.abnormal ? CODE_OF_REASON[nativeReason] : undefined;
    const code = mapped ?? nativeCode;
    const reason = nativeCode === CLOSE_CODE.abnormal && !mapped ? '' : nativeReason;
    // `end` and `close` call here before they return; the caller of those is not to be called within them.
    queueMicrotask(() => {
      const handlers = this.#handlers;
      if (!handlers) return;
      guarded(
        () => handlers.close(code, reason),
        () => {},
        this.#report,
        'websocket close',
      );
    });
  }

  #send(message: Uint8Array, binary: boolean): void {
    if (!this.#alive || this.#closing) return;
    // 1: it left whole or waits in the cork buffer; 0: some of it is kept. Nothing is dropped without a limit.
    if (this.#ws.send(message, binary) !== 1) this.#clear = false;
  }

  #lookBack(): void {
    if (this.#clear) this.#clear = this.#ws.getBufferedAmount() === 0;
  }

  #run(work: () => void, where: string): void {
    guarded(work, () => this.terminate(), this.#report, where);
  }
}
