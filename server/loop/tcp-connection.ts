import { Socket } from 'node:net';
import { guarded } from './defect.js';
import type { DefectReporter, TcpConnection, TcpHandlers } from './policy.js';
import { remoteAddressText } from './remote-address.js';
import { fastReads, takeHandle, tcpWriter } from './tcp-handle.js';

/** A connection starts with a small read buffer and gets a larger one once it fills it: many idle ones stay cheap. */
const FIRST_BUFFER_BYTES = 16 * 1024;
const MAX_BUFFER_BYTES = 256 * 1024;
const GROWTH = 4;

/**
 * Takes an accepted, paused socket over. Node allocates 64 KiB for every read of an ordinary socket; `onread` reads
 * into one buffer again and again instead, but `net.Server` has no such option, so the handle moves into a socket of
 * our own that has. Calls `accept` and returns the socket that now owns the connection.
 */
export function tcpConnection(
  accepted: Socket,
  accept: (connection: TcpConnection) => TcpHandlers,
  report: DefectReporter,
): Socket {
  let buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
  // Most reads are as long as the one before: the view on them is kept.
  let view = buffer;
  let handlers: TcpHandlers | undefined;
  let paused = false;
  let writable = true;

  const received = (length: number): boolean => {
    if (view.length !== length) view = buffer.subarray(0, length);
    // Not `guarded`: this is the hot path, and a closure a read shows.
    try {
      handlers?.data(view);
    } catch (error) {
      report(error, 'tcp data');
      socket.destroy();
    }
    if (length === buffer.length && length < MAX_BUFFER_BYTES) useBuffer(length * GROWTH);
    else if (!paused && writer.bufferedBytes > 0) useBuffer(buffer.length);
    return !paused;
  };
  const handle = takeHandle(accepted);
  const socket = new Socket({
    handle,
    allowHalfOpen: true,
    manualStart: true,
    onread: { buffer, callback: received },
  } as ConstructorParameters<typeof Socket>[0]);

  fastReads(handle, received);

  /** The old buffer belongs to the writes that still point into it. */
  const useBuffer = (size: number): void => {
    if (socket.destroyed) return;
    buffer = Buffer.allocUnsafeSlow(size);
    view = buffer;
    handle.useUserBuffer(buffer);
  };
  const run = (work: () => void, where: string): void => guarded(work, () => socket.destroy(), report, where);
  const writer = tcpWriter(socket, handle, () => run(() => handlers?.drain?.(), 'tcp drain'));

  const connection: TcpConnection = {
    remoteAddress: remoteAddressText(socket.remoteAddress),
    write: (bytes) => writable && writer.write(bytes),
    get bufferedBytes() {
      return writer.bufferedBytes;
    },
    pause() {
      paused = true;
      socket.pause();
    },
    resume() {
      if (!paused) return;
      paused = false;
      if (writer.bufferedBytes > 0) useBuffer(buffer.length);
      socket.resume();
    },
    end() {
      writable = false;
      socket.end();
    },
    destroy() {
      writable = false;
      socket.destroy();
    },
  };

  socket.on('end', () => run(() => handlers?.end?.(), 'tcp end'));
  // A reset is an ordinary way for a connection to end: `close` follows and says so to the caller.
  socket.on('error', () => {});
  socket.once('close', () => {
    writable = false;
    const { close } = handlers ?? {};
    if (close) guarded(close, () => {}, report, 'tcp close');
  });
  run(() => {
    handlers = accept(connection);
  }, 'tcp accept');
  if (!socket.destroyed && !paused) socket.resume();
  return socket;
}
