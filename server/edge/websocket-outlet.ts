import type { Outlet } from '../hub/connection.js';
import type { WireFormat } from '../hub/wire.js';
import type { PreparedText, WebSocketConnection } from '../loop/policy.js';

/** «Service Restart», from the IANA registry of close codes: come back. */
const CLOSE_RESTART = 1012;

/** The outlet of one WebSocket, whose `format` makes the frames of its loop policy. */
export function webSocketOutlet(socket: WebSocketConnection, format: WireFormat): Outlet {
  return new WebSocketOutlet(socket, format);
}

class WebSocketOutlet implements Outlet {
  readonly format: WireFormat;
  readonly #socket: WebSocketConnection;

  constructor(socket: WebSocketConnection, format: WireFormat) {
    this.#socket = socket;
    this.format = format;
  }

  get transport(): 'websocket' {
    return 'websocket';
  }

  get answersBeats(): boolean {
    return true;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  write(frames: readonly Uint8Array[]): boolean {
    if (frames.length === 1) return this.#socket.sendPrepared(frames[0] as PreparedText);
    this.#socket.cork(() => {
      for (const frame of frames) this.#socket.sendPrepared(frame as PreparedText);
    });
    return this.#socket.bufferedBytes === 0;
  }

  beat(): void {
    this.#socket.ping();
  }

  finish(last: readonly Uint8Array[]): void {
    this.#socket.cork(() => {
      for (const frame of last) this.#socket.sendPrepared(frame as PreparedText);
      this.#socket.close(CLOSE_RESTART, 'restarting');
    });
  }

  drop(): void {
    this.#socket.terminate();
  }
}
