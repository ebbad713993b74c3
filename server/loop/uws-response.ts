import { STATUS_CODES } from 'node:http';
import { checkHeaders } from './header-check.js';
import type { DefectReporter, HttpHeaders, HttpResponse } from './policy.js';
import { UwsLife } from './uws-life.js';
import type { UwsResponse } from './uws-native.js';
import type { UwsExchange } from './uws-request.js';
import { uwsStream } from './uws-stream.js';

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
        else return sendBody(res, life, typeof body === 'string' ? Buffer.from(body) : body);
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
      return uwsStream(res, life, bodiless);
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
 * cuts a connection that asks for more, so that a client that never reads costs one answer, and cuts one that took
 * nothing for 10 s.
 */
function sendBody(res: UwsResponse, life: UwsLife, body: Uint8Array): void {
  const [, done] = res.tryEnd(body, body.length);
  if (done) {
    life.end();
    return;
  }
  res.onWritable((offset) => {
    if (!life.live) return true;
    const [ok, done] = res.tryEnd(body.subarray(offset), body.length);
    if (done) life.end();
    return ok;
  });
}

/** `endWithoutBody(length)` would leave the answer incomplete for ever, and the next request on it would be cut. */
function endHead(res: UwsResponse, body: string | Uint8Array): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  res.writeHeader('content-length', String(length)).endWithoutBody();
}
