import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkHeaders } from './header-check.js';
import type { Adopt } from './libuv-direct-stream.js';
import { ResponseEvents } from './libuv-response-events.js';
import { cutIfStalled } from './libuv-stall.js';
import { libuvStream } from './libuv-stream.js';
import type { DefectReporter, HttpHeaders, HttpResponse } from './policy.js';

const REQUEST_TIMEOUT = 408;

/** The answer to one request over `node:http`, which a stream may leave where `adopt` is given. */
export function httpResponse(
  message: IncomingMessage,
  outgoing: ServerResponse,
  report: DefectReporter,
  slowTimeout: number,
  adopt?: Adopt,
): HttpResponse {
  // A pipelined answer has no socket of its own until the one before it is complete: the request's is the same one.
  const { socket } = message;
  const events = new ResponseEvents(report);
  let answered = false;
  let gone = false;

  outgoing.on('error', () => {});
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    socket.off('close', close);
    if (events.moved) return;
    gone = !outgoing.writableFinished;
    events.close(socket, !gone);
  };
  outgoing.once('close', close);
  // While its turn has not come Node does not tell it of the end of the connection.
  if (!outgoing.socket) socket.setMaxListeners(0).once('close', close);

  const begin = (): boolean => {
    if (answered) throw new Error('the request has been answered already');
    answered = true;
    return !gone && !socket.destroyed;
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
      cutIfStalled(socket, slowTimeout);
    },
    stream(status, headers) {
      checkHeaders(headers);
      if (begin()) {
        startStream(outgoing, socket, status, headers);
        adopt?.(socket);
      }
      return libuvStream(outgoing, socket, events, slowTimeout, adopt);
    },
    onAbort(aborted) {
      events.aborted = aborted;
    },
    onDone(done) {
      events.done = done;
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
  // No write will take it along.
  if (outgoing.req.method === 'HEAD') outgoing.flushHeaders();
  // Idle is what a live stream mostly is.
  socket.setTimeout(0);
}
