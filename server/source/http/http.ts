import type { Json } from '../../../shared/json.js';
import { systemClock } from '../../async/clock.js';
import type { Deadline } from '../deadline.js';
import { createVisitor } from '../host/visitor.js';
import { createShape, type ShapeOptions } from '../shape/shape.js';
import type { Fetched, Source } from '../source.js';
import { SourceError } from '../source-error.js';
import { inflate } from './body.js';
import type { HttpClient } from './client.js';
import type { Reply } from './exchange.js';
import { retryAfterOf, single } from './field.js';
import { fingerprintOf } from './fingerprint.js';
import { createGraphqlReader } from './graphql.js';
import { parseJson } from './parse.js';
import { answer } from './redirect.js';
import { type Asking, prepare } from './request.js';

export interface HttpSourceOptions extends Asking, ShapeOptions {
  /** Milliseconds for the whole exchange, redirects and body included, without the waits for its host; default 10,000. */
  timeout?: number;
  /** How often a request may be sent again that failed in a way that may pass; default 0. */
  retries?: number;
  /** The largest body, inflated; default 16 MiB. */
  maxBytes?: number;
}

const TIMEOUT = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** What the last value came with. */
interface Known {
  /** Those of the request, with the conditions that the answer allows. */
  headers: Readonly<Record<string, string>>;
  isConditional: boolean;
  encoding: string | undefined;
  fingerprint: Buffer;
}

/**
 * A JSON document behind a URL. A GET asks with `If-None-Match` and `If-Modified-Since` (RFC 9110, section 13), so a 304,
 * like a body of the same bytes, is `unchanged` and is not parsed. Takes gzip and br. Anything but a complete JSON answer
 * with a 2xx status within the bounds is a {@link SourceError} that says in one line what came instead.
 */
export function httpSource(client: HttpClient, options: HttpSourceOptions, clock = systemClock): Source {
  const { timeout = TIMEOUT, maxBytes = MAX_BYTES, retries = 0 } = options;
  const { target, label, method, headers, body } = prepare(options, client.conceal);
  const graphql =
    options.graphql &&
    createGraphqlReader({ authorization: headers.authorization ?? '', ...options.headers });
  const shape = createShape(options);
  const visitor = createVisitor(client.hosts.at(target.origin), { label, timeout, clock });
  let known: Known | undefined;

  async function obtain(deadline: Deadline, previous: Json | undefined): Promise<Fetched> {
    const since = previous === undefined ? undefined : known;
    const asked = since?.headers ?? headers;
    const question = { target, label, method, headers: asked, body, maxBytes };
    const reply = await answer(client, question, { retries, deadline });
    const { status, fields, bytes } = reply;
    if (status === 304 && since?.isConditional) return { kind: 'unchanged' };
    if (status < 200 || status > 299) throw refusal(reply);

    const encoding = single(fields['content-encoding']);
    const fingerprint = fingerprintOf(bytes);
    const next = { ...conditional(fields), encoding, fingerprint };
    if (since && encoding === since.encoding && fingerprint.equals(since.fingerprint)) {
      known = next;
      return { kind: 'unchanged' };
    }
    const plain =
      encoding === undefined
        ? bytes
        : await inflate(bytes, encoding, { label, maxBytes, signal: deadline.signal });
    const parsed = parseJson(plain, single(fields['content-type']), label);
    const brought = graphql ? graphql.dataOf(parsed, label) : parsed;
    const value = shape ? await shape(brought, label) : brought;
    known = next;
    return { kind: 'value', value };
  }

  function conditional(fields: Reply['fields']): Pick<Known, 'headers' | 'isConditional'> {
    const etag = single(fields.etag);
    const modified = single(fields['last-modified']);
    const isConditional = method === 'GET' && (etag !== undefined || modified !== undefined);
    if (!isConditional) return { headers, isConditional };
    return {
      isConditional,
      headers: {
        ...headers,
        ...(etag !== undefined && { 'if-none-match': etag }),
        ...(modified !== undefined && { 'if-modified-since': modified }),
      },
    };
  }

  function refusal({ status, fields, bytes }: Reply): SourceError {
    const error = graphql && bytes.length > 0 ? graphql.errorOf(jsonOrNull(bytes)) : undefined;
    const what = error === undefined ? '' : ` and the GraphQL error "${error}"`;
    const retryAfter = retryAfterOf(fields['retry-after'], clock.now());
    return new SourceError(`${label} answered with status ${status}${what}`, { retryAfter });
  }

  return {
    label,
    fetch: ({ signal, previous }) => visitor.visit(signal, (deadline) => obtain(deadline, previous)),
    enlist: visitor.enlist,
    affordable: visitor.affordable,
    watch: visitor.watch,
  };
}

/** A refusal need not be JSON, nor be complete. */
function jsonOrNull(bytes: Buffer): Json {
  try {
    return JSON.parse(bytes.toString()) as Json;
  } catch {
    return null;
  }
}
