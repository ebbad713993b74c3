/**
 * The part of uWebSockets.js that is used here, in its own names. Its own types cannot be: the package is optional,
 * and under two names in two versions. A call on a response or a socket that is gone throws.
 */
export interface UwsModule {
  App(): UwsApp;
  SSLApp(options: { key_file_name: string; cert_file_name: string }): UwsApp;
  us_listen_socket_close(listenSocket: UwsListenSocket): void;
  us_socket_local_port(listenSocket: UwsListenSocket): number;
  readonly DISABLED: number;
  _cfg?(setting: string): void;
}

export interface UwsListenSocket {
  readonly __uws: 'listen socket';
}

/** A C++ pointer, to be handed back. */
export interface UwsContext {
  readonly __uws: 'context';
}

export interface UwsApp {
  /** Called with 1 as a connection comes, and with -1 as it goes while it is no WebSocket. */
  filter(changed: (res: UwsResponse, change: number) => void): UwsApp;
  any(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp;
  ws(pattern: string, behavior: UwsBehavior): UwsApp;
  listen(
    host: string,
    port: number,
    options: number,
    done: (listenSocket: UwsListenSocket | false) => void,
  ): UwsApp;
  /** Closes the listen socket and every connection. */
  close(): UwsApp;
}

export interface UwsBehavior {
  compression: number;
  maxPayloadLength: number;
  idleTimeout: number;
  maxBackpressure: number;
  sendPingsAutomatically: boolean;
  upgrade(res: UwsResponse, req: UwsRequest, context: UwsContext): void;
  open(ws: UwsWebSocket): void;
  message(ws: UwsWebSocket, message: ArrayBuffer, binary: boolean): void;
  pong(ws: UwsWebSocket): void;
  /** Called besides the answer that it gives by itself. */
  ping(ws: UwsWebSocket): void;
  drain(ws: UwsWebSocket): void;
  close(ws: UwsWebSocket, code: number, reason: ArrayBuffer): void;
}

/** Valid only until the handler returns. */
export interface UwsRequest {
  /** Lower case. */
  getMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  getHeader(name: string): string;
  forEach(each: (name: string, value: string) => void): void;
  /** `true`: the next matching route is to handle it. */
  setYield(yields: boolean): UwsRequest;
}

export interface UwsResponse {
  writeStatus(status: string): UwsResponse;
  writeHeader(name: string, value: string): UwsResponse;
  write(chunk: string | Uint8Array): boolean;
  end(body?: string | Uint8Array, closeConnection?: boolean): UwsResponse;
  /** Sends what the kernel takes of a whole body, without keeping the rest: `onWritable` says from where to go on. */
  tryEnd(body: Uint8Array, totalBytes: number): [ok: boolean, done: boolean];
  /** How much of the body `tryEnd` has sent. */
  getWriteOffset(): number;
  endWithoutBody(): UwsResponse;
  close(): UwsResponse;
  /** Stops the time-out too. */
  pause(): void;
  /** Starts the time-out of 10 s too. */
  resume(): void;
  cork(work: () => void): UwsResponse;
  onWritable(handler: (offset: number) => boolean): UwsResponse;
  onAborted(handler: () => void): UwsResponse;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsResponse;
  getRemoteAddress(): ArrayBuffer;
  upgrade(userData: object, key: string, protocol: string, extensions: string, context: UwsContext): void;
  /** Newer versions only: sends the headers of a chunked answer before its first chunk. */
  beginWrite?(): UwsResponse;
}

export interface UwsWebSocket {
  send(message: string | Uint8Array, binary: boolean): number;
  ping(): number;
  end(code: number, reason: string): void;
  close(): void;
  cork(work: () => void): UwsWebSocket;
  getBufferedAmount(): number;
  getUserData(): object;
}
