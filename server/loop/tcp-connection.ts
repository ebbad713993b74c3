import { Socket } from 'node:net';
import { guarded } from './defect.js';
import { drainWatch } from './drained.js';
import type { DefectReporter, TcpConnection, TcpHandlers } from './policy.js';
import { remoteAddressText } from './remote-address.js';

/** A connection starts with a small read buffer and gets a larger one once it fills it: many idle ones stay cheap. */
const FIRST_BUFFER_BYTES = 16 * 1024;
/** Measured on loopback: larger than this gains nothing, and half of it costs a fifth at 100 KiB messages. */
const MAX_BUFFER_BYTES = 256 * 1024;
const GROWTH = 4;

/** The part of an accepted libuv handle that the fast path needs and `node:net` has no public name for. */
interface TcpHandle {
  useUserBuffer(buffer: Uint8Array): void;
}

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

  const handle = takeHandle(accepted);
  const socket = new Socket({
    handle,
    allowHalfOpen: true,
    manualStart: true,
    onread: {
      buffer,
      callback(length: number) {
        if (view.length !== length) view = buffer.subarray(0, length);
        run(() => handlers?.data(view), 'tcp data');
        if (length === buffer.length && length < MAX_BUFFER_BYTES) useBuffer(length * GROWTH);
        else if (socket.writableLength > 0 && !paused) useBuffer(buffer.length);
        return !paused;
      },
    },
  } as ConstructorParameters<typeof Socket>[0]);

  /** The old buffer belongs to the writes that still point into it. */
  const useBuffer = (size: number): void => {
    buffer = Buffer.allocUnsafeSlow(size);
    view = buffer;
    handle.useUserBuffer(buffer);
  };
  const run = (work: () => void, where: string): void => guarded(work, () => socket.destroy(), report, where);
  const watchDrain = drainWatch(
    socket,
    () => socket.writableLength,
    () => run(() => handlers?.drain?.(), 'tcp drain'),
  );

  const connection: TcpConnection = {
    remoteAddress: remoteAddressText(socket.remoteAddress),
    write(bytes) {
      if (!socket.writable) return false;
      socket.write(bytes);
      if (socket.writableLength === 0) return true;
      watchDrain();
      return false;
    },
    get bufferedBytes() {
      return socket.writableLength;
    },
    pause() {
      paused = true;
      socket.pause();
    },
    resume() {
      if (!paused) return;
      paused = false;
      if (socket.writableLength > 0) useBuffer(buffer.length);
      socket.resume();
    },
    end() {
      socket.end();
    },
    destroy() {
      socket.destroy();
    },
  };

  socket.on('end', () => run(() => handlers?.end?.(), 'tcp end'));
  // A reset is an ordinary way for a connection to end: `close` follows and says so to the caller.
  socket.on('error', () => {});
  socket.once('close', () => {
    const { close } = handlers ?? {};
    if (close) guarded(close, () => {}, report, 'tcp close');
  });
  run(() => {
    handlers = accept(connection);
  }, 'tcp accept');
  if (!socket.destroyed && !paused) socket.resume();
  return socket;
}

/** Leaves the accepted socket empty, so that it and the server's count of it can go. */
function takeHandle(accepted: Socket): TcpHandle {
  const owner = accepted as unknown as { _handle: TcpHandle | null };
  const handle = owner._handle;
  if (!handle) throw new Error('the accepted connection has no handle');
  owner._handle = null;
  accepted.destroy();
  return handle;
}
