import type { Dispatcher } from 'undici';
import { withoutStack } from '../../async/errors.js';
import { wasCut } from '../../web/failure.js';
import type { Deadline } from '../deadline.js';
import { SourceError } from '../source-error.js';

/** Where a request goes, taken apart once and not at every request. */
export interface Target {
  readonly url: URL;
  readonly origin: string;
  /** With the query. */
  readonly path: string;
}

export interface Question {
  target: Target;
  /** For messages, without secrets. */
  label: string;
  method: 'GET' | 'POST';
  /** With a `content-type` where there is a body. */
  headers: Readonly<Record<string, string>>;
  /** Only with POST. */
  body?: string | undefined;
  /** The largest body that may come, as it comes. */
  maxBytes: number;
}

/** A complete answer. */
export interface Reply {
  status: number;
  fields: Fields;
  /** As they came; of an answer that is no success at most the first 16 KiB. */
  bytes: Buffer;
}

type Fields = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

/** So much of a body that nobody wants is read so that the connection can be used again; a longer one is cut off. */
const UNWANTED_BYTES = 16 * 1024;

export function targetOf(url: URL): Target {
  return { url, origin: url.origin, path: `${url.pathname}${url.search}` };
}

/**
 * One request and its whole answer, read without a stream in between. Stops, and cuts the connection, at the byte that
 * is one too many, and when `deadline` aborts. A connection that is cut before the answer begins may be a kept one that
 * the server was just closing for idleness, so it is asked once more (RFC 9112, section 9.3.1); a POST too, since a
 * source only ever asks, and asks again at its next turn anyway.
 * @throws {SourceError} if the body is larger than `maxBytes`; whatever undici throws; the reason of `deadline`
 */
export function exchange(
  dispatcher: Dispatcher,
  question: Question,
  deadline: Pick<Deadline, 'aborted' | 'reason' | 'onAbort' | 'offAbort'>,
): Promise<Reply> {
  const { target, label, method, headers, body = null, maxBytes } = question;
  const { origin, path } = target;
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let fields: Fields = {};
    let limit = maxBytes;
    const chunks: Buffer[] = [];
    let size = 0;
    let isSecond = false;

    const settle = () => deadline.offAbort(callOff);
    // A request that still waits for its connection is let go at once; it is called off when it gets one.
    const callOff = () => {
      if (controller) cut(controller, deadline.reason);
      fail(deadline.reason);
    };
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const end = () => {
      settle();
      resolve({ status, fields, bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size) });
    };
    const overflow = (where: Dispatcher.DispatchController) => {
      if (limit === maxBytes) fail(tooLarge(label, maxBytes));
      else end();
      where.abort(new Error('the body is too large'));
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        if (deadline.aborted) cut(started, deadline.reason);
      },
      onResponseStart(current, code, received) {
        // 103 Early Hints and the like; the answer is yet to come.
        if (code < 200) return;
        status = code;
        fields = received;
        if (code > 299) limit = Math.min(maxBytes, UNWANTED_BYTES);
        else if (Number(received['content-length']) > maxBytes) overflow(current);
      },
      onResponseData(current, chunk) {
        size += chunk.length;
        if (size > limit) overflow(current);
        else chunks.push(chunk);
      },
      onResponseEnd: end,
      onResponseError(_, error) {
        if (isSecond || status !== 0 || deadline.aborted || !wasCut(error)) fail(error);
        else {
          isSecond = true;
          send();
        }
      },
    };
    const send = () => dispatcher.dispatch({ origin, path, method, headers, body }, handler);

    if (deadline.aborted) return reject(deadline.reason);
    deadline.onAbort(callOff);
    send();
  });
}

/** Cuts the connection. undici makes an error for the socket, and the runtime writes out its stack, for nobody. */
function cut(controller: Dispatcher.DispatchController, reason: unknown): void {
  withoutStack(() => controller.abort(reason as Error));
}

export function tooLarge(label: string, maxBytes: number): SourceError {
  return new SourceError(`${label} answered more than ${maxBytes} bytes; raise maxBytes to accept it`);
}
