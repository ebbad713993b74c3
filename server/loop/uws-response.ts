import { STATUS_CODES } from 'node:http';
import { guarded } from './defect.js';
import { checkHeaders } from './header-check.js';
import type { DefectReporter, HttpHeaders, HttpResponse } from './policy.js';
import type { UwsResponse } from './uws-native.js';
import type { UwsExchange } from './uws-request.js';
import { uwsStream } from './uws-stream.js';

export interface UwsHttpResponse extends HttpResponse {
  /** Cuts the connection without a word, unless it is gone. */
  cut(): void;
  /** Takes the response for a WebSocket. False: the client is gone. */
  take(): boolean;
}

/** What a response and the parts that share it must agree on. uWebSockets.js throws on any use after the end. */
export interface UwsLife {
  /** The client is there and the answer not complete. */
  live: boolean;
  /** Runs as the connection is lost or the answer complete. */
  onEnd: () => void;
}

/** The answer to one request over uWebSockets.js. */
export function uwsResponse(
  res: UwsResponse,
  exchange: UwsExchange,
  report: DefectReporter,
): UwsHttpResponse {
  const life: UwsLife = { live: true, onEnd() {} };
  let answered = false;
  let gone = false;
  let onAbort: (() => void) | undefined;
  let onDone: (() => void) | undefined;

  const end = (): void => {
    life.live = false;
    life.onEnd();
    const done = onDone;
    onDone = undefined;
    if (done) guarded(done, () => {}, report, 'http done');
  };
  const cut = (): void => {
    if (!life.live) return;
    onAbort = undefined;
    // Calls `onAborted` before it returns.
    res.close();
  };
  res.onAborted(() => {
    gone = true;
    end();
    exchange.abort();
    const aborted = onAbort;
    onAbort = undefined;
    if (aborted) guarded(aborted, () => {}, report, 'http abort');
  });

  const begin = (): boolean => {
    if (gone) return false;
    if (answered) throw new Error('the request has been answered already');
    answered = true;
    exchange.discard();
    return true;
  };

  return {
    cut,
    take() {
      const live = begin();
      end();
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
        else return sendBody(res, life, typeof body === 'string' ? Buffer.from(body) : body, end);
        end();
      });
    },
    stream(status, headers) {
      checkHeaders(headers);
      if (begin()) {
        res.cork(() => {
          writeHead(res, status, headers);
          res.beginWrite?.();
        });
      }
      const bodiless = exchange.request.method === 'HEAD';
      return uwsStream(res, life, { bodiless, cut, end, report });
    },
    onAbort(aborted) {
      onAbort = aborted;
    },
    onDone(done) {
      onDone = done;
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
function sendBody(res: UwsResponse, life: UwsLife, body: Uint8Array, sent: () => void): void {
  const [, done] = res.tryEnd(body, body.length);
  if (done) {
    sent();
    return;
  }
  res.onWritable((offset) => {
    if (!life.live) return true;
    const [ok, done] = res.tryEnd(body.subarray(offset), body.length);
    if (done) sent();
    return ok;
  });
}

/** `endWithoutBody(length)` would leave the answer incomplete for ever, and the next request on it would be cut. */
function endHead(res: UwsResponse, body: string | Uint8Array): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  res.writeHeader('content-length', String(length)).endWithoutBody();
}
