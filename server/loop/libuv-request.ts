import type { IncomingMessage } from 'node:http';
import type { HeadwaterError } from '../../shared/errors.js';
import { bodyAborted, bodyTooSlow, tooLarge } from './body-error.js';
import type { HttpRequest } from './policy.js';
import { remoteAddressText } from './remote-address.js';
import { requestTarget } from './request-target.js';

/** What Node parsed, as the contract has it. `url` may have been cut short by a mount. */
export function httpRequest(message: IncomingMessage, url = message.url ?? '/'): HttpRequest {
  const { path, query } = requestTarget(url);
  return {
    method: message.method ?? 'GET',
    path,
    query,
    header(name) {
      const value = message.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    get headerBytes() {
      return headerBytesOf(message.rawHeaders);
    },
    remoteAddress: remoteAddressText(message.socket.remoteAddress),
    body: (maxBytes) => readBody(message, maxBytes),
  };
}

/**
 * A header as it was sent, all of its values. `message.headers` of an application's own server may have the first alone,
 * which is no ground to judge by where a request ends, or whom it is for.
 */
export function sentHeader({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  let values: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [sent, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    // By far most differ in length already. To sort all of them for each request would cost much more.
    if (sent.length !== name.length || sent.toLowerCase() !== name) continue;
    values = values === undefined ? value : `${values}, ${value}`;
  }
  return values;
}

/** Names and values alternate; each pair takes `: ` and a line break besides. */
function headerBytesOf(rawHeaders: readonly string[]): number {
  let bytes = rawHeaders.length * 2;
  for (const { length } of rawHeaders) bytes += length;
  return bytes;
}

/** In each such time at least so much of a body must come; uWebSockets.js has a bound of that kind of its own. */
const PACE = { bytes: 10 * 1024, milliseconds: 10_000 } as const;

function readBody(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let lengthBefore = 0;
    const pace = setInterval(() => {
      if (length - lengthBefore < PACE.bytes) stop(bodyTooSlow(PACE.bytes, PACE.milliseconds));
      lengthBefore = length;
    }, PACE.milliseconds);
    const stop = (error?: HeadwaterError): void => {
      clearInterval(pace);
      message.off('data', take).off('end', complete).off('close', aborted).off('error', aborted);
      if (!error) {
        resolve(Buffer.concat(chunks, length));
        return;
      }
      // The rest is read and thrown away, so that the answer reaches a client that is still sending.
      message.on('error', () => {});
      message.resume();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) stop(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const complete = (): void => stop();
    const aborted = (): void => stop(bodyAborted());

    if (message.destroyed && !message.readableEnded) return stop(bodyAborted());
    if (Number(message.headers['content-length'] ?? 0) > maxBytes) return stop(tooLarge(maxBytes));
    message.on('data', take).on('end', complete).on('close', aborted).on('error', aborted);
  });
}
