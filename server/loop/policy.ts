/**
 * The contract of a loop policy: how bytes come and go. `libuv.ts` and `uws.ts` beside this one each make one, of the
 * files that begin with its name; nothing outside `server/loop/` may ask which policy it runs on. Callbacks run on the
 * event loop, never re-entrantly from inside `listenTcp`/`listenHttp`, and a callback that throws is a defect: the
 * policy reports it through `onDefect` and cuts only the connection concerned.
 */
export interface LoopPolicy {
  /** For banners, logs and metrics only. */
  readonly name: string;
  /**
   * Listens for raw TCP. `accept` is called once a connection and returns its callbacks.
   * @throws {HeadwaterError} `port_in_use`, `listen_failed`
   */
  listenTcp(options: TcpListenOptions, accept: (connection: TcpConnection) => TcpHandlers): Promise<Listener>;
  /**
   * Listens for HTTP/1.1 with keep-alive, streaming responses and WebSocket upgrades (RFC 6455).
   * @throws {HeadwaterError} `port_in_use`, `listen_failed`
   */
  listenHttp(options: HttpListenOptions, handlers: HttpHandlers): Promise<Listener>;
  /**
   * Makes one WebSocket text frame that `sendPrepared` can send to any number of this policy's connections,
   * so that a message is encoded once whatever the number of its readers. `text` is valid Unicode.
   */
  prepareText(text: string): PreparedText;
}

declare const preparedText: unique symbol;
/** A text frame ready to be sent, in whatever form the policy that made it likes. Never mutated. */
export type PreparedText = Uint8Array & { readonly [preparedText]: true };

export interface ListenOptions {
  /** Default in the configuration: `127.0.0.1`. */
  host: string;
  /** 0: any free port; the listener says which. */
  port: number;
}

export interface TcpListenOptions extends ListenOptions {
  onDefect?: DefectReporter;
}

export interface HttpListenOptions extends ListenOptions {
  /** PEM files. Absent: plain HTTP. */
  tls?: { cert: string; key: string };
  /** A WebSocket message above this many bytes closes its connection with 1009. */
  maxMessageBytes: number;
  /** Connections beyond this many, whatever they are for, are closed as they come, without a word. Absent: no limit. */
  maxConnections?: number;
  /** Told of each of those. */
  onRefused?: () => void;
  /**
   * Milliseconds within which every stream is written to: the client of one that acknowledges nothing of it has gone
   * away, where the platform can tell. Absent: nobody looks.
   */
  heartbeat?: number;
  /**
   * Milliseconds for which the client may take nothing of an answer that is complete, whole or an ended stream, before
   * it is cut. A stream that goes on is bounded by who writes it. Absent or 0: no limit.
   */
  slowTimeout?: number;
  onDefect?: DefectReporter;
}

/** Told of a callback that threw: a defect in the caller, never silent. */
export type DefectReporter = (error: unknown, where: string) => void;

export interface Listener {
  /** As bound: `port` is the real one where 0 was asked for. */
  readonly host: string;
  readonly port: number;
  /** Refuses new connections from now on; those that are open go on. Idempotent. */
  stopListening(): void;
  /** Stops listening, cuts whatever is still open, and resolves when nothing of it is left. Idempotent. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------- TCP

export interface TcpConnection {
  readonly remoteAddress: string;
  /**
   * Writes bytes, without copying them. True: all has been handed to the kernel. False: something is still waiting to
   * leave, or the connection is going: stop writing until `drain`, and leave the memory as it is until then. What
   * `data` gave may be written as it is: the policy does not reuse it while it waits.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /** Stops reading, so that the peer's window closes. A call inside `data` holds from the next chunk on. */
  pause(): void;
  resume(): void;
  /** Sends what is due, then FIN. Reading goes on. */
  end(): void;
  /** Cuts the connection now. */
  destroy(): void;
}

export interface TcpHandlers {
  /** `bytes` is valid only during the call. */
  data(bytes: Uint8Array): void;
  /** Everything written has left. */
  drain?(): void;
  /** The peer half-closed: no more data will come. The connection stays open for writing until `end`. */
  end?(): void;
  /** The connection is gone, for whatever reason. Last call. */
  close?(): void;
}

// ---------------------------------------------------------------- HTTP

export interface HttpHandlers {
  /** Must answer, now or later, through `response`. */
  request(request: HttpRequest, response: HttpResponse): void;
  /** A WebSocket handshake. Must call `accept` or `refuse`, now or later. */
  upgrade(request: HttpRequest, upgrade: WebSocketUpgrade): void;
}

/** A request, safe to keep: everything was copied before the callback returned. */
export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** As sent, still percent-encoded, without the query. */
  readonly path: string;
  /** Without the `?`; empty if there is none. */
  readonly query: string;
  /** By lower-case name; several of one name joined by `, ` (cookies by `; `). */
  header(name: string): string | undefined;
  /** What all headers take on the wire, in bytes. */
  readonly headerBytes: number;
  readonly remoteAddress: string;
  /**
   * The whole body. Call it at most once, before answering. Little is read of a body that nobody asks for.
   * @throws {HeadwaterError} `too_large` beyond `maxBytes`, `aborted` when the client went away, `bad_request` when it
   * sends too slowly (a policy may cut such a client instead).
   */
  body(maxBytes: number): Promise<Uint8Array>;
}

/** Header names in lower case; values as sent. `content-length`, `connection` and `date` are the policy's business. */
export type HttpHeaders = Readonly<Record<string, string>>;

/**
 * Exactly one of `send` and `stream` is called, once; a second call throws, as does an invalid header. Calls after the
 * client went away do nothing.
 */
export interface HttpResponse {
  /** The whole answer. On HEAD the body is left out but its length is told; 204 and 304 carry none. */
  send(status: number, headers: HttpHeaders, body?: string | Uint8Array): void;
  /** Begins an answer of unknown length. Its headers leave with the first write at the latest: write something at once. */
  stream(status: number, headers: HttpHeaders): ResponseStream;
  /** Called once if the client goes away before the answer is complete. Set it before the first await; a later one replaces it. */
  onAbort(aborted: () => void): void;
  /**
   * Called once when nothing of the answer waits here any more: the kernel has taken the last of it, or the client is
   * gone. Set it before the first await. A server that ends before that cuts the answer short.
   */
  onDone(done: () => void): void;
}

export interface ResponseStream {
  /**
   * Writes one chunk, without copying it: its memory must never change. Returns false when something waits to leave:
   * `bufferedBytes` says how much, `onDrain` when it is gone. Inside `cork` that may show only after it.
   */
  write(bytes: Uint8Array): boolean;
  /** Makes one system call of all writes inside `work`, and of `end`, where the platform can. */
  cork(work: () => void): void;
  readonly bufferedBytes: number;
  onDrain(drained: () => void): void;
  /** Completes the answer after what is buffered. The connection may end with an answer that lasted. */
  end(): void;
  /** Cuts the connection now; `onAbort` is not called. */
  destroy(): void;
}

// ---------------------------------------------------------------- WebSocket

export interface WebSocketUpgrade {
  /** Completes the handshake, with the chosen subprotocol if any. `open` is called once the connection stands. */
  accept(options: { protocol?: string; open: (socket: WebSocketConnection) => WebSocketHandlers }): void;
  /** Answers the handshake with a plain HTTP response. */
  refuse(status: number, headers: HttpHeaders, body?: string | Uint8Array): void;
  /** Called once if the client goes away before either. */
  onAbort(aborted: () => void): void;
}

export interface WebSocketConnection {
  /** True: all that was sent has left. Inside `cork` that shows only after it. */
  sendPrepared(frame: PreparedText): boolean;
  /** One binary message. The hub sends none; whoever judges a policy by its echo, as Autobahn does, needs them. */
  sendBinary(bytes: Uint8Array): void;
  ping(): void;
  /** Makes one system call of all sends inside `work`, and of `close`, where the platform can. */
  cork(work: () => void): void;
  /** Bytes sent that the kernel has not taken yet. Nothing is ever dropped in silence: bounding it is the caller's duty. */
  readonly bufferedBytes: number;
  /**
   * Sends a close frame after what is buffered. Nothing more is received; `close` follows with the same code, now or
   * when the peer answers, and a peer that does not within a few seconds is cut.
   */
  close(code: number, reason: string): void;
  /** Cuts the connection now; `close` follows with 1006. */
  terminate(): void;
}

export interface WebSocketHandlers {
  /**
   * One whole message; fragments are joined. `bytes` is valid only during the call; text is valid UTF-8, else the
   * connection is closed with 1007.
   */
  message(bytes: Uint8Array, binary: boolean): void;
  /** The answer to `ping`, or one that nobody asked for. */
  pong?(): void;
  /** A ping from the peer, which the policy has answered: to be counted, as each costs an answer. */
  ping?(): void;
  /** `bufferedBytes` is zero again after it was not. */
  drain?(): void;
  /**
   * The connection is gone. 1006: no close frame came; 1005: one without a code; 1002, 1007, 1009: the peer broke the
   * protocol, and the policy closed (a policy may cut without sending that code). Last call.
   */
  close(code: number, reason: string): void;
}
