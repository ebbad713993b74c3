import { STATUS_CODES } from 'node:http';
import { checkHeaders } from './header-check.js';
import type { DefectReporter, HttpHeaders, HttpResponse } from './policy.js';
import { UwsLife } from './uws-life.js';
import type { UwsResponse } from './uws-native.js';
import type { UwsExchange } from './uws-request.js';
import { uwsStream } from './uws-stream.js';
import { keepWaiting, type WaitingAnswer, type WaitingAnswers } from './uws-waiting.js';

/** What uWebSockets.js takes into a buffer of its own inside a cork, whether the kernel takes it or not. */
const CORK_BYTES = 16 * 1024;

export interface UwsHttpResponse extends HttpResponse {
  /** Cuts the connection without a word, unless it is gone. */
  cut(): void;
  /** Takes the response for a WebSocket. False: the client is gone. */
  take(): boolean;
}

/** The answer to one request over uWebSockets.js. While it is a stream it is among `streams`. */
export function uwsResponse(
  res: UwsResponse,
  exchange: UwsExchange,
  report: DefectReporter,
  waiting: WaitingAnswers,
  streams?: Set<UwsLife>,
): UwsHttpResponse {
  const life = new UwsLife(res, exchange, report);
  let answered = false;

  const begin = (): boolean => {
    if (life.gone) return false;
    if (answered) throw new Error('the request has been answered already');
    answered = true;
    exchange.discard();
    life.reader = undefined;
    return true;
  };

  return {
    cut: () => life.cut(),
    take() {
      const live = begin();
      life.end();
      return live;
    },
    send(status, headers, body = '') {
      checkHeaders(headers);
      if (!begin()) return;
      res.cork(() => {
        writeHead(res, status, headers);
        if (status === 204 || status === 304) res.endWithoutBody();
        else if (exchange.request.method === 'HEAD') endHead(res, body);
        else if (body.length === 0) res.end();
        else return sendBody(res, life, typeof body === 'string' ? Buffer.from(body) : body, waiting);
        life.end();
      });
    },
    stream(status, headers) {
      checkHeaders(headers);
      if (begin()) {
        life.among = streams?.add(life);
        res.cork(() => {
          writeHead(res, status, headers);
          res.beginWrite?.();
        });
      }
      const bodiless = exchange.request.method === 'HEAD';
      return uwsStream(res, life, bodiless, waiting);
    },
    onAbort(aborted) {
      life.aborted = aborted;
    },
    onDone(done) {
      life.done = done;
    },
  };
}

function writeHead(res: UwsResponse, status: number, headers: HttpHeaders): void {
  res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
  for (const name in headers) res.writeHeader(name, headers[name]!);
}

/**
 * Sends a body without a copy of it for each client that is slow to take it. While it is not complete, uWebSockets.js
 * cuts a connection that asks for more, so that a client that never reads costs one answer.
 */
function sendBody(res: UwsResponse, life: UwsLife, body: Uint8Array, waiting: WaitingAnswers): void {
  const [, done] = res.tryEnd(body, body.length);
  if (done) life.end();
  else sendRest(res, life, body, waiting);
}

/** Sends what the kernel did not take at once, as its reader takes it. */
function sendRest(res: UwsResponse, life: UwsLife, body: Uint8Array, waiting: WaitingAnswers): void {
  let offset = res.getWriteOffset();
  /** False: the kernel took nothing more. */
  const push = (): boolean => {
    const [, done] = res.tryEnd(body.subarray(offset), body.length);
    if (done) {
      life.end();
      return true;
    }
    const before = offset;
    offset = res.getWriteOffset();
    return offset > before;
  };

  const answer: WaitingAnswer = {
    tick(stalled) {
      // The kernel says that it takes more only once there is much room. A small rest would be taken by uWebSockets.js
      // itself, which then lets go of the response, and cuts it after 10 s.
      let moved = false;
      if (body.length - offset > CORK_BYTES) {
        res.cork(() => {
          moved = push();
        });
      }
      if (!life.live) return;
      if (moved) waiting.add(answer);
      else if (stalled) life.vanish();
      else keepWaiting(res);
    },
  };
  life.onEnd = () => waiting.delete(answer);
  waiting.add(answer);
  res.onWritable(() => {
    if (!life.live) return true;
    const moved = push();
    if (life.live && moved) waiting.add(answer);
    return !life.live;
  });
}

/** `endWithoutBody(length)` would leave the answer incomplete for ever, and the next request on it would be cut. */
function endHead(res: UwsResponse, body: string | Uint8Array): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  res.writeHeader('content-length', String(length)).endWithoutBody();
}
