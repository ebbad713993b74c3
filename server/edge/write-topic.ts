import { HeadwaterError } from '../../shared/errors.js';
import type { Json } from '../../shared/json.js';
import type { PatchOperation } from '../../shared/patch.js';
import type { HttpHeaders } from '../loop/policy.js';
import { etagOf, PreconditionFailed, requireMatch } from './conditions.js';
import type { EdgeContext } from './context.js';
import { type Exchange, reply } from './exchange.js';
import { problem } from './problem.js';
import { type Publication, publish } from './publish.js';
import { bearerToken } from './publish-right.js';

/** The largest body of a publication over HTTP, in bytes. */
const MAX_BODY = 1024 * 1024;

const JSON_TYPE = 'application/json';

/** How a publication is spelled: by method, then by media type. */
const PUBLICATIONS: Record<string, Record<string, (body: Json) => Publication>> = {
  PUT: { [JSON_TYPE]: (value) => ({ kind: 'value', value }) },
  POST: { [JSON_TYPE]: (event) => ({ kind: 'event', event }) },
  PATCH: {
    'application/json-patch+json': (patch) => ({ kind: 'patch', patch: operationsOf(patch) }),
    'application/merge-patch+json': (patch) => ({ kind: 'merge', patch }),
  },
};

/** `PUT`, `PATCH` and `POST` on `/topics/{topic}` (PROTOCOL section 3): answers once the change is flushed. */
export async function writeTopic(context: EdgeContext, exchange: Exchange, topic: string): Promise<void> {
  const { request } = exchange;
  context.publishRight.spend(bearerToken(request.header('authorization')));
  if (!context.origins.allows(request)) {
    throw new HeadwaterError('forbidden', 'this page may not publish: list its origin under http.origins');
  }
  const spellings = PUBLICATIONS[request.method]!;
  const mediaType = mediaTypeOf(request.header('content-type'), request.method);
  const spelling = Object.hasOwn(spellings, mediaType) ? spellings[mediaType] : undefined;
  if (!spelling) {
    const accepted = Object.keys(spellings).join(', ');
    const detail = `${request.method} takes ${accepted}: say so in Content-Type`;
    reply(context, exchange, problem('bad_request', detail, 415, { accept: accepted }));
    return;
  }
  const encoding = request.header('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    const detail = `Content-Encoding: ${encoding.slice(0, 32)} is not taken: send the body as it is`;
    reply(context, exchange, problem('bad_request', detail, 415, { 'accept-encoding': 'identity' }));
    return;
  }
  const publication = spelling(parseBody(await request.body(MAX_BODY)));
  try {
    const { version, holds } = await publish(context, topic, publication, (view) =>
      requireMatch(request, view),
    );
    // RFC 9110, 9.3.4: a validator only of what was sent, or the sender could overwrite what it never saw.
    const etag: HttpHeaders = holds ? { etag: etagOf(context.store.open(topic)!) } : {};
    const headers = { 'content-type': JSON_TYPE, 'cache-control': 'no-store', ...etag };
    reply(context, exchange, {
      status: 200,
      headers,
      body: JSON.stringify({ type: 'published', topic, version }),
    });
  } catch (error) {
    if (!(error instanceof PreconditionFailed)) throw error;
    reply(context, exchange, error.reply);
  }
}

/** Absent on PUT and POST it counts as JSON, as `curl -T` sends none. */
function mediaTypeOf(contentType: string | undefined, method: string): string {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  return type ?? (method === 'PATCH' ? '' : JSON_TYPE);
}

function parseBody(body: Uint8Array): Json {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as Json;
  } catch (error) {
    throw new HeadwaterError('bad_request', 'the body must be JSON in UTF-8', { cause: error });
  }
}

function operationsOf(body: Json): PatchOperation[] {
  if (Array.isArray(body)) return body as PatchOperation[];
  throw new HeadwaterError('bad_request', 'a JSON Patch is an array of operations (RFC 6902)');
}
