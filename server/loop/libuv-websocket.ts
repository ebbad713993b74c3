import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { CLOSE_CODE } from './close-code.js';
import { guarded } from './defect.js';
import { drainWatch } from './drained.js';
import { OPCODE, serverFrame, textFrame } from './frame.js';
import type { DefectReporter, WebSocketConnection, WebSocketHandlers } from './policy.js';
import { remoteAddressText } from './remote-address.js';
import { directWriterOf } from './tcp-handle.js';

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
  protocol: string,
  open: (socket: WebSocketConnection) => WebSocketHandlers,
  report: DefectReporter,
): void {
  let handlers: WebSocketHandlers | undefined;
  let corks = 0;
  /** Frames of the running cork. */
  let held: Uint8Array[] = [];
  /** How it ended, where that is known before the socket closes. */
  let ended: { code: number; reason: string } | undefined;
  const run = (work: () => void, where: string): void => guarded(work, () => ws.terminate(), report, where);
  const drained = (): void => run(() => handlers?.drain?.(), 'websocket drain');
  const watch = drainWatch(socket, () => socket.writableLength, drained);
  const direct = directWriterOf(socket, () => {
    if (socket.writableLength === 0) drained();
    else watch();
  });

  const write = (frame: Uint8Array): void => {
    if (direct && socket.writableLength === 0) {
      direct.write(frame);
    } else {
      socket.write(frame);
      watch();
    }
  };
  const writeAll = (frames: readonly Uint8Array[]): void => {
    if (direct && socket.writableLength === 0) {
      direct.writeAll(frames);
      return;
    }
    socket.cork();
    for (const frame of frames) socket.write(frame);
    socket.uncork();
    watch();
  };
  const release = (): void => {
    const frames = held;
    if (frames.length === 0) return;
    held = [];
    if (ws.readyState !== ws.OPEN) return;
    if (frames.length === 1) write(frames[0]!);
    else writeAll(frames);
  };
  const send = (frame: Uint8Array): void => {
    if (ws.readyState !== ws.OPEN) return;
    if (corks > 0) held.push(frame);
    else write(frame);
  };

  const connection: WebSocketConnection = {
    remoteAddress: remoteAddressText(socket.remoteAddress),
    protocol,
    sendText: (text) => send(textFrame(text)),
    sendPrepared: send,
    sendBinary: (bytes) => send(serverFrame(OPCODE.binary, bytes)),
    ping: () => send(serverFrame(OPCODE.ping)),
    cork(work) {
      corks++;
      try {
        work();
      } finally {
        corks--;
        if (corks === 0) release();
      }
    },
    get bufferedBytes() {
      let bytes = socket.writableLength + (direct?.bufferedBytes ?? 0);
      if (corks > 0) for (const { length } of held) bytes += length;
      return bytes;
    },
    close(code, reason) {
      if (ws.readyState !== ws.OPEN) return;
      release();
      ended = { code, reason };
      ws.close(code, reason);
    },
    terminate() {
      ended = { code: CLOSE_CODE.abnormal, reason: '' };
      ws.terminate();
    },
  };

  ws.on('message', (data: RawData, binary) => {
    if (ws.readyState === ws.OPEN) run(() => handlers?.message(data as Buffer, binary), 'websocket message');
  });
  ws.on('pong', () => run(() => handlers?.pong?.(), 'websocket pong'));
  ws.on('ping', () => {
    if (ws.readyState !== ws.OPEN) return;
    watch();
    run(() => handlers?.ping?.(), 'websocket ping');
  });
  // Tells what the peer did wrong; `ws` has sent the close frame for it.
  ws.on('error', (error) => {
    const code = 'code' in error ? String(error.code) : '';
    if (!ended && code.startsWith('WS_ERR_')) {
      ended = { code: CODE_OF_ERROR[code] ?? CLOSE_CODE.protocolError, reason: error.message };
    }
  });
  ws.on('close', (code, reason) => {
    const { close } = handlers ?? {};
    const end = ended ?? { code, reason: reason.toString() };
    if (close)
      guarded(
        () => close(end.code, end.reason),
        () => {},
        report,
        'websocket close',
      );
  });
  run(() => {
    handlers = open(connection);
  }, 'websocket open');
}
