import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { guarded } from './defect.js';
import { framingRefusal } from './framing.js';
import { handshakeRefusal } from './handshake.js';
import { httpRequest, sentHeader } from './libuv-request.js';
import { webSocketConnection } from './libuv-websocket.js';
import type { DefectReporter, HttpHandlers, HttpHeaders, WebSocketUpgrade } from './policy.js';

/** A peer that does not answer our close frame is cut after this long, as uWebSockets.js does. */
const CLOSE_TIMEOUT_MS = 4000;
/** What a hasty client may send before its handshake is answered. */
const MAX_EARLY_BYTES = 64 * 1024;
/** A fragment costs memory of its own, so a message may come in no more than if each held this many bytes. */
const FRAGMENT_BYTES = 64;
const MIN_FRAGMENTS = 1024;
/** Answers to pings that may wait to leave; whoever sends more without reading is cut. The rate is the caller's affair. */
const MAX_PENDING_PONGS = 1024;

export interface LibuvUpgrades {
  handle(message: IncomingMessage, socket: Socket, head: Buffer, handlers: HttpHandlers, url?: string): void;
  /** Sockets that wait for an answer to their handshake or are WebSockets by now. */
  readonly open: ReadonlySet<Socket>;
}

/** WebSocket handshakes over `ws`, which parses and closes; what is sent goes straight to the socket. */
export function libuvUpgrades(maxMessageBytes: number, report: DefectReporter): LibuvUpgrades {
  const open = new Set<Socket>();
  let chosen = '';
  // Not written in the call: its types do not know all of these yet.
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    maxFragments: Math.max(MIN_FRAGMENTS, Math.ceil(maxMessageBytes / FRAGMENT_BYTES)),
    maxPendingAutoPongs: MAX_PENDING_PONGS,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: () => chosen || false,
  } as const;
  const server = new WebSocketServer(options);

  // Listeners that stay with a socket must not be closures of its handshake, which they would keep in memory.
  function forget(this: Socket): void {
    open.delete(this);
  }

  const handle: LibuvUpgrades['handle'] = (message, socket, head, handlers, url) => {
    open.add(socket);
    socket.once('close', forget);
    const waiting = waitForAnswer(socket, head);
    const refuse: WebSocketUpgrade['refuse'] = (status, headers, body = '') => {
      if (waiting.stop()) writeRefusal(socket, status, headers, body);
    };
    const header = (name: string): string | undefined => sentHeader(message, name);
    const broken = framingRefusal(header) ?? handshakeRefusal(message.method ?? '', header);
    if (broken) return refuse(broken.status, broken.headers, broken.body);

    const cut = (): void => void socket.destroy();
    const upgrade: WebSocketUpgrade = {
      accept({ protocol = '', open }) {
        const early = waiting.stop();
        if (!early) return;
        chosen = protocol;
        let opened = false;
        // Calls back before it returns, or answers with a refusal of its own.
        server.handleUpgrade(message, socket, early, (ws) => {
          opened = true;
          webSocketConnection(ws, socket, open, report);
        });
        if (!opened) waiting.aborted?.();
      },
      refuse,
      onAbort(aborted) {
        waiting.aborted = () => guarded(aborted, cut, report, 'upgrade abort');
      },
    };
    guarded(() => handlers.upgrade(httpRequest(message, url), upgrade), cut, report, 'upgrade');
  };
  return { handle, open };
}

interface Waiting {
  aborted: (() => void) | undefined;
  /** Ends the wait and gives what was sent meanwhile; undefined if the client is gone. Throws after an answer. */
  stop(): Buffer | undefined;
}

/**
 * Watches a socket while its handshake waits for an answer. Only a socket that is read tells that its peer left, so
 * it is, and the little that a client sends too early is kept.
 */
function waitForAnswer(socket: Socket, head: Buffer): Waiting {
  const early = [head];
  let length = head.length;
  let state: 'waiting' | 'answered' | 'gone' = 'waiting';
  const waiting: Waiting = {
    aborted: undefined,
    stop() {
      if (state === 'gone') return undefined;
      if (state === 'answered') throw new Error('the handshake has been answered already');
      state = 'answered';
      socket.off('data', take).off('end', gone).off('close', gone);
      return Buffer.concat(early, length);
    },
  };
  const take = (chunk: Buffer): void => {
    early.push(chunk);
    length += chunk.length;
    if (length > MAX_EARLY_BYTES) socket.destroy();
  };
  const gone = (): void => {
    if (state !== 'waiting') return;
    state = 'gone';
    socket.destroy();
    waiting.aborted?.();
  };
  socket.setTimeout(0);
  // `close` follows and tells; `ws` has a listener of its own later.
  socket.on('error', ignore);
  socket.on('data', take).on('end', gone).on('close', gone);
  return waiting;
}

function ignore(): void {}

function writeRefusal(socket: Socket, status: number, headers: HttpHeaders, body: string | Uint8Array): void {
  const payload = Buffer.from(body);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  const all = {
    ...headers,
    date: new Date().toUTCString(),
    connection: 'close',
    'content-length': payload.length,
  };
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`);
  socket.once('finish', () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), payload]));
}
