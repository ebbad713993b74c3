import { createHash } from 'node:crypto';
import { isTooDeep, MAX_DEPTH } from '../../../shared/depth.js';
import { messageOf } from '../../../shared/errors.js';
import type { Json } from '../../../shared/json.js';
import { systemClock } from '../../async/clock.js';
import { credentialsOf } from '../../web/credentials.js';
import type { Fetched, Source } from '../source.js';
import { SourceError, timedOut } from '../source-error.js';
import { inflate } from './body.js';
import type { HttpClient } from './client.js';
import { type Reply, targetOf } from './exchange.js';
import { failureOf, retryAfterOf } from './failure.js';
import { answer } from './redirect.js';

export interface HttpSourceOptions {
  /** `user:password@` in it becomes an `authorization` header. Never shown whole: it may hold secrets. */
  url: string;
  /** Milliseconds for the whole exchange, redirects and body included; default 10,000. */
  timeout?: number;
  headers?: Readonly<Record<string, string>>;
  /** The largest body, inflated; default 16 MiB. */
  maxBytes?: number;
}

const TIMEOUT = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** What the last value came with. */
interface Known {
  etag: string | undefined;
  lastModified: string | undefined;
  encoding: string | undefined;
  digest: string;
}

/**
 * A JSON document behind a URL. Asks with `If-None-Match` and `If-Modified-Since` (RFC 9110, section 13), so a 304, like
 * a body of the same bytes, is `unchanged` and is not parsed. Takes gzip and br. Anything but a complete JSON answer
 * with a 2xx status within the bounds is a {@link SourceError} that says in one line what came instead.
 */
export function httpSource(client: HttpClient, options: HttpSourceOptions, clock = systemClock): Source {
  const { timeout = TIMEOUT, maxBytes = MAX_BYTES } = options;
  const url = new URL(options.url);
  const label = `${url.origin}${url.pathname}`;
  const headers = requestHeaders(url, options.headers);
  const target = targetOf(url);
  let known: Known | undefined;

  async function exchange(signal: AbortSignal, previous: Json | undefined): Promise<Fetched> {
    const since = previous === undefined ? undefined : known;
    const asked = conditions(since);
    const reply = await answer(client, {
      target,
      label,
      method: 'GET',
      headers: { ...headers, ...asked },
      maxBytes,
      signal,
    });
    const { status, fields } = reply;
    if (status === 304 && Object.keys(asked).length > 0) return { kind: 'unchanged' };
    if (status < 200 || status > 299) throw refusal(reply, label);

    const digest = createHash('sha256').update(reply.bytes).digest('base64');
    const encoding = text(fields['content-encoding']);
    const next = { etag: text(fields.etag), lastModified: text(fields['last-modified']), encoding, digest };
    if (digest === since?.digest && encoding === since.encoding) {
      known = next;
      return { kind: 'unchanged' };
    }
    const bytes = await inflate(reply.bytes, encoding, { label, maxBytes, signal });
    const value = parse(bytes, text(fields['content-type']) ?? '', label);
    known = next;
    return { kind: 'value', value };
  }

  return {
    label,
    async fetch({ signal, previous }) {
      const deadline = new AbortController();
      const timer = clock.after(timeout, () => deadline.abort(timedOut(label, timeout)));
      const callOff = () => deadline.abort(signal.reason);
      if (signal.aborted) callOff();
      signal.addEventListener('abort', callOff);
      try {
        return await exchange(deadline.signal, previous);
      } catch (error) {
        throw deadline.signal.aborted ? deadline.signal.reason : failureOf(error, label);
      } finally {
        timer.cancel();
        signal.removeEventListener('abort', callOff);
      }
    },
  };
}

function requestHeaders(url: URL, given: Readonly<Record<string, string>> = {}): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'application/json, */*;q=0.5',
    'accept-encoding': 'gzip, br',
    'user-agent': 'headwater',
    ...credentialsOf(url),
  };
  url.username = '';
  url.password = '';
  for (const [name, value] of Object.entries(given)) headers[name.toLowerCase()] = value;
  return headers;
}

function conditions(known: Known | undefined): Record<string, string> {
  return {
    ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known?.lastModified !== undefined && { 'if-modified-since': known.lastModified }),
  };
}

function parse(bytes: Buffer, contentType: string, label: string): Json {
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch (cause) {
    if (bytes.length === 0) throw new SourceError(`${label} answered an empty body, not JSON`, { cause });
    // Judged only now: JSON under a wrong content type is common, and harmless.
    const html = /html/i.test(contentType) || /^\s*</.test(bytes.toString('latin1', 0, 64));
    // Past the comma the engine quotes the body.
    const what = html ? 'HTML, not JSON' : `what is no JSON (${messageOf(cause).split(',', 1)[0]})`;
    throw new SourceError(`${label} answered ${what}`, { cause });
  }
  if (isTooDeep(value)) {
    throw new SourceError(`${label} answered JSON nested deeper than ${MAX_DEPTH} levels`);
  }
  return value;
}

function refusal({ status, fields }: Reply, label: string): SourceError {
  return new SourceError(`${label} answered with status ${status}`, {
    retryAfter: retryAfterOf(text(fields['retry-after'])),
  });
}

/** A field that comes once; of one that came more often, the first. */
function text(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field[0] : field;
}
