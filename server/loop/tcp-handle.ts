import { Socket } from 'node:net';

/**
 * The part of Node's libuv stream handle that the fast path uses and `node:net` has no public name for. All knowledge
 * of Node's insides is in this file; where a future Node has none of it, `node:net` does the same more slowly.
 */
export interface TcpHandle {
  /** What Node calls on every read; the number of bytes, or a negative error number, is in `streamBaseState`. */
  onread: (this: TcpHandle, memory?: ArrayBuffer) => unknown;
  /** From the next read on, reads go into this memory. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Tries the system call at once and queues what the kernel does not take. Returns 0 or a negative error number. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  /** The same of several chunks, in one system call. */
  writev(request: WriteRequest, chunks: readonly Uint8Array[], allBuffers: true): number;
  /** Bytes in that queue. */
  readonly writeQueueSize: number;
}

interface WriteRequest {
  oncomplete: (status: number) => void;
  /** Keeps the memory alive while the write is pending. */
  buffer?: Uint8Array | readonly Uint8Array[];
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  /** What the last call on any handle had to say, by the indices that follow. */
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
  readonly kReadBytesOrError: number;
}

const binding = streamBinding();

/** Takes an accepted socket's handle and leaves the socket empty, so that it and the server's count of it can go. */
export function takeHandle(accepted: Socket): TcpHandle {
  const owner = accepted as unknown as { _handle: TcpHandle | null };
  const handle = owner._handle;
  if (!handle) throw new Error('the accepted connection has no handle');
  owner._handle = null;
  accepted.destroy();
  return handle;
}

/** Whether `moveConnection` can: a plain TCP socket with which nothing waits to leave, and a Node that has such handles. */
export function isMovable(socket: Socket): boolean {
  const { _handle: handle, _server: server } = socket as unknown as ServedSocket;
  if (!binding || socket.destroyed || server === undefined || handle?.constructor.name !== 'TCP')
    return false;
  return socket.writableLength === 0 && handle.writeQueueSize === 0;
}

/**
 * Moves the connection of a socket into a new one: the old one closes, and with it goes all that others hang on it, but
 * the server counts the connection as it did.
 */
export function moveConnection(from: Socket): Socket {
  const owner = from as unknown as ServedSocket;
  const server = owner._server;
  owner._server = null;
  const socket = new Socket({ handle: takeHandle(from) } as ConstructorParameters<typeof Socket>[0]);
  (socket as unknown as ServedSocket)._server = server;
  return socket;
}

/**
 * Bytes given to a socket that wait to leave. Of a write that is under way `socket.writableLength` counts all until the
 * last of it has left, and this what is left of it: only so can one that is taken slowly be told from one that is not.
 */
export function unsentBytes(socket: Socket): number {
  const { _handle: handle, _writableState: state } = socket as unknown as WritingSocket;
  const underWay = state?.writelen ?? 0;
  const taken = Math.max(0, underWay - (handle?.writeQueueSize ?? underWay));
  return Math.max(0, socket.writableLength - taken);
}

interface WritingSocket {
  /** Over TLS its queue is of encrypted bytes, which are a few more. */
  readonly _handle: Pick<TcpHandle, 'writeQueueSize'> | null;
  /** `writelen`: bytes of the write that is under way. */
  readonly _writableState?: { readonly writelen?: number };
}

interface ServedSocket {
  readonly _handle: TcpHandle | null;
  /** Told when the socket closes, to count it out. */
  _server?: unknown;
}

/**
 * Calls `received` with the length of every read into the user buffer, ahead of what `node:net` does to find its own
 * `onread` callback. The end and errors go its way as ever; without the binding reads do too, as `socket` was given
 * the same callback.
 */
export function fastReads(handle: TcpHandle, received: (length: number) => void): void {
  if (!binding) return;
  const { streamBaseState, kReadBytesOrError } = binding;
  const ordinary = handle.onread;
  handle.onread = function (memory) {
    const length = streamBaseState[kReadBytesOrError]!;
    if (length <= 0) return ordinary.call(this, memory);
    received(length);
    // Whatever else is returned is taken for the memory of the next read.
    return undefined;
  };
}

export interface TcpWriter {
  /** True: the kernel has it all. */
  write(bytes: Uint8Array): boolean;
  readonly bufferedBytes: number;
}

/** Writes that leave out what `node:stream` and `node:net` do. What is written through the socket itself keeps its place. */
export interface DirectWriter extends TcpWriter {
  /** Writes all chunks in one system call; they are not to be changed. */
  writeAll(chunks: readonly Uint8Array[]): boolean;
}

/**
 * A writer straight to the handle of a plain TCP socket; `undefined` for any other socket, and where Node has no such
 * handle. It must not be used while `socket.writableLength` is above zero: what waits there comes first.
 * `drained` is called when all that it wrote has left after some of it had to wait.
 */
export function directWriterOf(socket: Socket, drained: () => void): DirectWriter | undefined {
  const handle = (socket as unknown as { _handle: TcpHandle | null })._handle;
  if (!binding || handle?.constructor.name !== 'TCP') return undefined;
  return new HandleWriter(binding, socket, handle, drained);
}

/**
 * Writes to a connection. Straight to its handle, without the queue, the tick and the request object that `node:stream`
 * and `node:net` spend on every write, which is a tenth of the CPU time of a small echo. `socket` still ends the connection:
 * libuv sends FIN after what is queued.
 */
export function tcpWriter(socket: Socket, handle: TcpHandle, drained: () => void): TcpWriter {
  return binding ? new HandleWriter(binding, socket, handle, drained) : streamWriter(socket, drained);
}

/** A write that the kernel takes whole leaves its request as it was: one serves all connections until then. */
let spare: WriteRequest | undefined;

class HandleWriter implements DirectWriter {
  readonly #binding: StreamBinding;
  readonly #socket: Socket;
  readonly #handle: TcpHandle;
  readonly #drained: () => void;
  #pending = 0;

  constructor(binding: StreamBinding, socket: Socket, handle: TcpHandle, drained: () => void) {
    this.#binding = binding;
    this.#socket = socket;
    this.#handle = handle;
    this.#drained = drained;
  }

  write(bytes: Uint8Array): boolean {
    spare ??= new this.#binding.WriteWrap();
    return this.#conclude(this.#handle.writeBuffer(spare, bytes), bytes);
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    spare ??= new this.#binding.WriteWrap();
    return this.#conclude(this.#handle.writev(spare, chunks, true), chunks);
  }

  get bufferedBytes(): number {
    return this.#pending > 0 && !this.#socket.destroyed ? this.#handle.writeQueueSize : 0;
  }

  #conclude(error: number, written: Uint8Array | readonly Uint8Array[]): boolean {
    if (error !== 0) {
      this.#socket.destroy();
      return false;
    }
    const { streamBaseState, kLastWriteWasAsync } = this.#binding;
    if (streamBaseState[kLastWriteWasAsync] === 0) return true;
    const request = spare!;
    spare = undefined;
    request.buffer = written;
    request.oncomplete = (status) => this.#completed(status);
    this.#pending++;
    return false;
  }

  #completed(status: number): void {
    this.#pending--;
    if (this.#socket.destroyed) return;
    if (status < 0) this.#socket.destroy();
    else if (this.#pending === 0) this.#drained();
  }
}

/** The same over `node:stream`. */
function streamWriter(socket: Socket, drained: () => void): TcpWriter {
  let pending = 0;
  const written = (error?: Error | null): void => {
    pending--;
    if (!error && pending === 0 && !socket.destroyed) drained();
  };
  return {
    write(bytes) {
      if (socket.writableLength === 0) {
        socket.write(bytes);
        if (socket.writableLength === 0) return true;
        // Its callback comes when all before it has left.
        bytes = new Uint8Array(0);
      }
      pending++;
      socket.write(bytes, written);
      return false;
    },
    get bufferedBytes() {
      return socket.writableLength;
    },
  };
}

function streamBinding(): StreamBinding | undefined {
  try {
    const found = (process as unknown as { binding(name: string): Partial<StreamBinding> }).binding(
      'stream_wrap',
    );
    const { WriteWrap, streamBaseState, kLastWriteWasAsync, kReadBytesOrError } = found;
    if (WriteWrap && streamBaseState && kLastWriteWasAsync !== undefined && kReadBytesOrError !== undefined) {
      return { WriteWrap, streamBaseState, kLastWriteWasAsync, kReadBytesOrError };
    }
  } catch {
    // Not in this Node, or not allowed: the stream writer serves.
  }
  return undefined;
}
