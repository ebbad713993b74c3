import { type Refusal, refusal } from './refusal.js';

/**
 * What makes it doubtful where a request ends or whom it is for, or undefined: several lengths (RFC 9112 section 6.3)
 * or hosts (section 3.2). A proxy before this server may have read it otherwise, so that nothing after it on the
 * connection can be trusted: it has to end.
 */
export function framingRefusal(header: (name: string) => string | undefined): Refusal | undefined {
  // Headers that came more than once are joined with commas, of which neither may have one.
  for (const name of ['content-length', 'host']) {
    if (header(name)?.includes(',')) return refusal(400, `the request has more than one ${name}`, CLOSE);
  }
  if (header('content-length') !== undefined && header('transfer-encoding') !== undefined) {
    return refusal(400, 'the request has both content-length and transfer-encoding', CLOSE);
  }
  return undefined;
}

const CLOSE = { connection: 'close' };
