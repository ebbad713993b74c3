import type { HeadwaterError } from '../../shared/errors.js';
import { bodyAborted, tooLarge } from './body-error.js';
import type { HttpRequest } from './policy.js';
import { remoteAddressOf } from './remote-address.js';
import type { UwsRequest, UwsResponse } from './uws-native.js';

/** How much of a body may arrive before it is asked for; then the connection is not read any more. */
const MAX_EARLY_BYTES = 256 * 1024;

/** `: ` and a line break. */
const LINE_BYTES = 4;

/** A request with the two events of its connection that the reading of its body must hear of. */
export interface UwsExchange {
  readonly request: HttpRequest;
  /** The client went away. */
  abort(): void;
  /** The answer was given: nobody will read the rest of the body. */
  discard(): void;
}

/** Copies a request, which uWebSockets.js forgets as soon as its handler returns, and begins to take its body. */
export function uwsRequest(res: UwsResponse, req: UwsRequest): UwsExchange {
  const headers = new Map<string, string>();
  let headerBytes = 0;
  req.forEach((name, value) => {
    headerBytes += name.length + value.length + LINE_BYTES;
    const before = headers.get(name);
    // RFC 9110 section 5.3; cookies have their own rule (RFC 6265 section 5.4).
    headers.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
  });
  const hasBody = headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
  const body = hasBody ? takeBody(res) : noBody;
  return {
    request: {
      method: req.getMethod().toUpperCase(),
      path: req.getUrl(),
      query: req.getQuery() ?? '',
      header: (name) => headers.get(name),
      headerBytes,
      remoteAddress: remoteAddressOf(new Uint8Array(res.getRemoteAddress())),
      body: body.read,
    },
    abort: body.abort,
    discard: body.discard,
  };
}

interface Body {
  read(maxBytes: number): Promise<Uint8Array>;
  abort(): void;
  discard(): void;
}

const noBody: Body = {
  read: () => Promise.resolve(new Uint8Array(0)),
  abort() {},
  discard() {},
};

/** Data that comes before `onData` is lost, so a body is taken from the start, and held back if nobody asks for it. */
function takeBody(res: UwsResponse): Body {
  let chunks: Uint8Array[] = [];
  let length = 0;
  let limit = MAX_EARLY_BYTES;
  let state: 'coming' | 'complete' | 'too large' | 'aborted' | 'unwanted' = 'coming';
  let paused = false;
  let reader: { resolve(bytes: Uint8Array): void; reject(error: HeadwaterError): void } | undefined;

  const settle = (): void => {
    if (!reader || state === 'coming') return;
    if (state === 'complete') reader.resolve(Buffer.concat(chunks, length));
    else reader.reject(state === 'too large' ? tooLarge(limit) : bodyAborted());
    reader = undefined;
    chunks = [];
  };
  const resume = (): void => {
    if (!paused) return;
    paused = false;
    res.resume();
  };

  res.onData((chunk, isLast) => {
    if (state !== 'coming') return;
    length += chunk.byteLength;
    if (reader && length > limit) {
      state = 'too large';
    } else {
      chunks.push(new Uint8Array(chunk.slice(0)));
      if (isLast) state = 'complete';
      else if (!reader && length > limit && !paused) {
        paused = true;
        res.pause();
      }
    }
    settle();
  });

  return {
    read(maxBytes) {
      return new Promise((resolve, reject) => {
        reader = { resolve, reject };
        limit = maxBytes;
        if ((state === 'coming' || state === 'complete') && length > maxBytes) state = 'too large';
        if (state === 'unwanted') state = 'aborted';
        if (state === 'coming') resume();
        settle();
      });
    },
    abort() {
      if (state === 'coming') state = 'aborted';
      settle();
    },
    discard() {
      if (state !== 'coming') return;
      state = 'unwanted';
      chunks = [];
      resume();
    },
  };
}
