import { HeadwaterError } from '../../shared/errors.js';
import type { HttpRequest } from '../loop/policy.js';
import type { EdgeLimits } from './context.js';

/**
 * Holds a request's URL (answered by 414) and headers (431) to their bounds; RFC 9110, 15.5.15, and RFC 6585, 5.
 * @throws {HeadwaterError} `too_large`
 */
export function checkHead(request: HttpRequest, { urlBytes, headerBytes }: EdgeLimits): void {
  const { path, query } = request;
  const url = path.length + (query === '' ? 0 : query.length + 1);
  if (urlBytes > 0 && url > urlBytes) {
    const text = `a URL of ${url} bytes: the most is ${urlBytes} (limits.urlBytes); ask for fewer topics at once`;
    throw new HeadwaterError('too_large', text, { limit: 'urlBytes' });
  }
  if (headerBytes > 0 && request.headerBytes > headerBytes) {
    const text = `headers of ${request.headerBytes} bytes: the most is ${headerBytes} (limits.headerBytes); send fewer or smaller ones, cookies for example`;
    throw new HeadwaterError('too_large', text, { limit: 'headerBytes' });
  }
}
