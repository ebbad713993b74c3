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

  const end = (): void => {
    life.live = false;
    life.onEnd();
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
      end();
      res.cork(() => {
        writeHead(res, status, headers);
        if (status === 204 || status === 304) res.endWithoutBody();
        else if (exchange.request.method === 'HEAD') endHead(res, body);
        else res.end(body);
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
  };
}

function writeHead(res: UwsResponse, status: number, headers: HttpHeaders): void {
  res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
  for (const name in headers) res.writeHeader(name, headers[name]!);
}

/** `endWithoutBody(length)` would leave the answer incomplete for ever, and the next request on it would be cut. */
function endHead(res: UwsResponse, body: string | Uint8Array): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  res.writeHeader('content-length', String(length)).endWithoutBody();
}
