import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { CLOSE_CODE } from './close-code.js';
import { guarded } from './defect.js';
import { drainWatch } from './drained.js';
import { OPCODE, serverFrame } from './frame.js';
import type { DefectReporter, WebSocketConnection, WebSocketHandlers } from './policy.js';
import { type DirectWriter, directWriterOf, unsentBytes } from './tcp-handle.js';

/** The close codes that `ws` answers a broken frame with, by its error codes. */
const CODE_OF_ERROR: Record<string, number> = {
  WS_ERR_INVALID_UTF8: CLOSE_CODE.invalidText,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: CLOSE_CODE.tooLarge,
};

/**
 * A WebSocket whose frames are made here and written straight to the socket, where it can be to its handle: `ws` would
 * copy a prepared frame's header anew for every connection. It sends only the answers to pings and closes, in order
 * with ours, as it queues nothing without compression.
 */
export function webSocketConnection(
  ws: WebSocket,
  socket: Socket,
  open: (socket: WebSocketConnection) => WebSocketHandlers,
  report: DefectReporter,
): void {
  const connection = new LibuvConnection(ws, socket, report);
  // `ws` is the `this` of its listeners: one function serves all connections.
  connections.set(ws, connection);
  ws.on('message', onMessage);
  ws.on('pong', onPong);
  ws.on('ping', onPing);
  ws.on('error', onError);
  ws.on('close', onClose);
  connection.start(open);
}

const connections = new WeakMap<WebSocket, LibuvConnection>();

function onMessage(this: WebSocket, data: RawData, binary: boolean): void {
  connections.get(this)?.received(data as Buffer, binary);
}
function onPong(this: WebSocket): void {
  connections.get(this)?.ponged();
}
function onPing(this: WebSocket): void {
  connections.get(this)?.pinged();
}
function onError(this: WebSocket, error: Error): void {
  connections.get(this)?.broke(error);
}
function onClose(this: WebSocket, code: number, reason: Buffer): void {
  connections.get(this)?.closed(code, reason.toString());
}

/** One connection. A class, for there may be tens of thousands of them: closures would cost each some kilobytes. */
class LibuvConnection implements WebSocketConnection {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #report: DefectReporter;
  readonly #direct: DirectWriter | undefined;
  /**
   * Something that `#direct` did not write waits in the socket. Noted, as asking the socket for each frame would touch two more
   * objects for each of many readers; besides us only `ws` writes, of whose pongs `pinged` hears at once.
   */
  #queues = false;
  /** Watches what `#direct` did not write; made when there is such. */
  #watch: (() => void) | undefined;
  #handlers: WebSocketHandlers | undefined;
  #corks = 0;
  /** Frames of the running cork. */
  #held: Uint8Array[] | undefined;
  /** How it ended, where that is known before the socket closes. */
  #ended: { code: number; reason: string } | undefined;

  constructor(ws: WebSocket, socket: Socket, report: DefectReporter) {
    this.#ws = ws;
    this.#socket = socket;
    this.#report = report;
    this.#direct = directWriterOf(socket, () => {
      if (!this.#queues) this.#drained();
    });
  }

  start(open: (socket: WebSocketConnection) => WebSocketHandlers): void {
    // The answer to the handshake may be on its way yet.
    this.#watchQueue();
    this.#run(() => {
      this.#handlers = open(this);
    }, 'websocket open');
  }

  sendPrepared(frame: Uint8Array): boolean {
    if (!this.#isOpen) return this.bufferedBytes === 0;
    if (this.#corks > 0) {
      this.#held ??= [];
      this.#held.push(frame);
    } else this.#write(frame);
    return this.bufferedBytes === 0;
  }

  sendBinary(bytes: Uint8Array): void {
    this.sendPrepared(serverFrame(OPCODE.binary, bytes));
  }

  ping(): void {
    this.sendPrepared(serverFrame(OPCODE.ping));
  }

  cork(work: () => void): void {
    this.#corks++;
    try {
      work();
    } finally {
      this.#corks--;
      if (this.#corks === 0) this.#release();
    }
  }

  get bufferedBytes(): number {
    let bytes = this.#direct?.bufferedBytes ?? 0;
    if (this.#queues) bytes += unsentBytes(this.#socket);
    if (this.#held) for (const { length } of this.#held) bytes += length;
    return bytes;
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen) return;
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#ended = { code, reason };
    // The close frame is written by `ws`, to the socket: what was held goes the same way, so that all is one write.
    this.#socket.cork();
    for (const frame of held) this.#socket.write(frame);
    this.#ws.close(code, reason);
    this.#socket.uncork();
    this.#watchQueue();
  }

  terminate(): void {
    this.#ended = { code: CLOSE_CODE.abnormal, reason: '' };
    this.#ws.terminate();
  }

  received(data: Buffer, binary: boolean): void {
    if (this.#isOpen) this.#run(() => this.#handlers?.message(data, binary), 'websocket message');
  }

  ponged(): void {
    this.#run(() => this.#handlers?.pong?.(), 'websocket pong');
  }

  pinged(): void {
    if (!this.#isOpen) return;
    this.#watchQueue();
    this.#run(() => this.#handlers?.ping?.(), 'websocket ping');
  }

  /** Tells what the peer did wrong; `ws` has sent the close frame for it. */
  broke(error: Error): void {
    const code = 'code' in error ? String(error.code) : '';
    if (!this.#ended && code.startsWith('WS_ERR_')) {
      this.#ended = { code: CODE_OF_ERROR[code] ?? CLOSE_CODE.protocolError, reason: error.message };
    }
  }

  closed(code: number, reason: string): void {
    const handlers = this.#handlers;
    const end = this.#ended ?? { code, reason };
    if (!handlers) return;
    guarded(
      () => handlers.close(end.code, end.reason),
      () => {},
      this.#report,
      'websocket close',
    );
  }

  get #isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  #write(frame: Uint8Array): void {
    if (this.#direct && !this.#queues) {
      this.#direct.write(frame);
    } else {
      this.#socket.write(frame);
      this.#watchQueue();
    }
  }

  #writeAll(frames: readonly Uint8Array[]): void {
    if (this.#direct && !this.#queues) {
      this.#direct.writeAll(frames);
      return;
    }
    this.#socket.cork();
    for (const frame of frames) this.#socket.write(frame);
    this.#socket.uncork();
    this.#watchQueue();
  }

  #release(): void {
    const frames = this.#held;
    this.#held = undefined;
    if (!frames || !this.#isOpen) return;
    if (frames.length === 1) this.#write(frames[0]!);
    else this.#writeAll(frames);
  }

  #watchQueue(): void {
    const socket = this.#socket;
    if (socket.writableLength === 0) return;
    this.#queues = true;
    this.#watch ??= drainWatch(
      socket,
      () => socket.writableLength,
      () => {
        this.#queues = false;
        this.#drained();
      },
    );
    this.#watch();
  }

  #drained(): void {
    this.#run(() => this.#handlers?.drain?.(), 'websocket drain');
  }

  #run(work: () => void, where: string): void {
    guarded(work, () => this.#ws.terminate(), this.#report, where);
  }
}
