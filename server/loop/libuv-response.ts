import type { IncomingMessage, ServerResponse } from 'node:http';
import { guarded } from './defect.js';
import { drainWatch } from './drained.js';
import { checkHeaders } from './header-check.js';
import type { DefectReporter, HttpHeaders, HttpResponse, ResponseStream } from './policy.js';

/** A client that takes nothing of a whole answer for this long is cut; streams are bounded by who writes them. */
const SEND_STALL_MS = 30_000;

const REQUEST_TIMEOUT = 408;

/** The answer to one request over `node:http`. */
export function httpResponse(
  message: IncomingMessage,
  outgoing: ServerResponse,
  report: DefectReporter,
): HttpResponse {
  // A pipelined answer has no socket of its own until the one before it is complete: the request's is the same one.
  const { socket } = message;
  let answered = false;
  let gone = false;
  let onAbort: (() => void) | undefined;
  let onDone: (() => void) | undefined;
  const run = (work: () => void, where: string): void => guarded(work, () => socket.destroy(), report, where);

  outgoing.on('error', () => {});
  outgoing.once('close', () => {
    gone = !outgoing.writableFinished;
    const aborted = onAbort;
    onAbort = undefined;
    if (aborted && gone) run(aborted, 'http abort');
    if (onDone) run(onDone, 'http done');
  });

  const begin = (): boolean => {
    if (gone || socket.destroyed) return false;
    if (answered) throw new Error('the request has been answered already');
    answered = true;
    return true;
  };

  return {
    send(status, headers, body = '') {
      checkHeaders(headers);
      if (!begin()) return;
      const bodiless = status === 204 || status === 304;
      const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
      // RFC 9110, 15.5.9: who was too slow with one request is not waited for with the next.
      if (status === REQUEST_TIMEOUT) outgoing.shouldKeepAlive = false;
      outgoing.writeHead(status, bodiless ? headers : { ...headers, 'content-length': length });
      if (bodiless || length === 0) outgoing.end();
      else outgoing.end(body);
      if (socket.writableLength > 0) cutIfStalled(socket);
    },
    stream(status, headers) {
      checkHeaders(headers);
      if (begin()) startStream(outgoing, socket, status, headers);
      return responseStream(message, outgoing, run, () => {
        onAbort = undefined;
      });
    },
    onAbort(aborted) {
      onAbort = aborted;
    },
    onDone(done) {
      onDone = done;
    },
  };
}

function startStream(
  outgoing: ServerResponse,
  socket: IncomingMessage['socket'],
  status: number,
  headers: HttpHeaders,
): void {
  outgoing.writeHead(status, headers);
  outgoing.flushHeaders();
  // Idle is what a live stream mostly is.
  socket.setTimeout(0);
}

const watched = new WeakSet<IncomingMessage['socket']>();

/** Node sets the time-out anew when the answer is complete; one listener serves all answers of a connection. */
function cutIfStalled(socket: IncomingMessage['socket']): void {
  socket.setTimeout(SEND_STALL_MS);
  if (watched.has(socket)) return;
  watched.add(socket);
  socket.on('timeout', () => {
    if (socket.writableLength > 0) socket.destroy();
  });
}

function responseStream(
  message: IncomingMessage,
  outgoing: ServerResponse,
  run: (work: () => void, where: string) => void,
  forget: () => void,
): ResponseStream {
  const { socket } = message;
  const bodiless = message.method === 'HEAD';
  let corked = 0;
  let drained: (() => void) | undefined;
  const buffered = (): number => outgoing.writableLength;
  const watch = drainWatch(socket, buffered, () => run(() => drained?.(), 'stream drain'));
  const dead = (): boolean => outgoing.writableEnded || outgoing.destroyed || socket.destroyed;

  const uncork = (): void => {
    corked--;
    // Our own cork keeps Node from corking until the next tick, so that what could leave has left on return.
    socket.uncork();
    if (corked === 0) watch();
  };
  const cork = (work: () => void): void => {
    corked++;
    socket.cork();
    try {
      work();
    } finally {
      uncork();
    }
  };

  return {
    write(bytes) {
      if (dead() || bodiless) return true;
      cork(() => outgoing.write(bytes));
      return buffered() === 0;
    },
    cork,
    get bufferedBytes() {
      return dead() ? 0 : buffered();
    },
    onDrain(callback) {
      drained = callback;
    },
    end() {
      if (!dead()) outgoing.end();
    },
    destroy() {
      forget();
      socket.destroy();
    },
  };
}
