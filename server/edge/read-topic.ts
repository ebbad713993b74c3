import { type Cursor, formatCursor, parseCursor } from '../../shared/cursor.js';
import { HeadwaterError } from '../../shared/errors.js';
import type { Part, WireFormat } from '../hub/wire.js';
import { unknownTopic } from '../store/store.js';
import type { TopicView } from '../store/topic.js';
import { awaitChange } from './await-change.js';
import { isUnmodified, validators } from './conditions.js';
import type { EdgeContext } from './context.js';
import { type Exchange, reply } from './exchange.js';

/** The longest a client may ask to wait, in seconds. */
const MAX_WAIT = 60;

const JSON_TYPE = { 'content-type': 'application/json' } as const;

/** A JSON array: the body of a cacheable long-poll, and of an event topic. */
const jsonArray: WireFormat = {
  encode: (parts: readonly Part[]) => Buffer.from(`[${parts.map((part) => part.text).join(',')}]`),
};

/** `GET /topics/{topic}`: the value, or what came after a cursor; at once, or when it changes (PROTOCOL section 3). */
export async function readTopic(context: EdgeContext, exchange: Exchange, name: string): Promise<void> {
  const topic = context.store.open(name);
  if (!topic) throw unknownTopic(name);
  const since = exchange.query.get('since');
  try {
    const wait = waitOf(exchange);
    if (since === null) await readValue(context, exchange, topic, wait);
    else await readSince(context, exchange, topic, cursorOf(since), wait);
  } finally {
    // Looking must not fill the store with topics that nobody ever wrote to.
    context.hub.release(name);
  }
}

async function readValue(
  context: EdgeContext,
  exchange: Exchange,
  topic: TopicView,
  wait: number,
): Promise<void> {
  const { request } = exchange;
  await freshen(context, exchange, topic);
  if (wait > 0 && isUnmodified(request, topic)) await awaitChange(context, exchange, topic.name, wait);
  if (exchange.gone.aborted) return;

  const headers = {
    ...validators(topic, context.clock.now()),
    'cache-control': 'no-cache',
    ...(wait > 0 ? { 'preference-applied': `wait=${wait}` } : {}),
  };
  if (isUnmodified(request, topic)) reply(context, exchange, { status: 304, headers });
  else
    reply(context, exchange, {
      status: 200,
      headers: { ...headers, ...JSON_TYPE },
      body: bodyOf(context, topic),
    });
}

/** Sees to it that what is read is as fresh as the topic's source promises: fetched if need be, and flushed. */
async function freshen(
  { refreshers, store }: EdgeContext,
  { request }: Exchange,
  topic: TopicView,
): Promise<void> {
  const refresher = refreshers.get(topic.name);
  if (!refresher) return;
  await refresher.freshen(maxAgeOf(request.header('cache-control')));
  await store.flushed();
}

/**
 * How old, in ms, an answer may be for its reader: `Cache-Control: max-age=5`, or `no-cache` for 0 (RFC 9111, 5.2.1), as
 * browsers send for a reload and for `fetch(url, { cache: 'no-cache' })`. `undefined` where it says nothing about it.
 */
function maxAgeOf(cacheControl = ''): number | undefined {
  const directives = cacheControl.split(',').map((directive) => directive.trim().toLowerCase());
  if (directives.includes('no-cache')) return 0;
  const seconds = directives.map((directive) => /^max-age="?(\d{1,10})"?$/.exec(directive)?.[1]);
  const shortest = Math.min(...seconds.filter((found) => found !== undefined).map(Number));
  return Number.isFinite(shortest) ? shortest * 1000 : undefined;
}

/** The value, or an event topic's history. @throws {HeadwaterError} where there is none yet */
function bodyOf({ hub }: EdgeContext, topic: TopicView): Uint8Array {
  if (topic.kind === 'event') return hub.records(topic.name, jsonArray);
  if (topic.valueJson !== undefined) return bytesOf(topic, topic.valueJson);
  if (!topic.served)
    throw new HeadwaterError('unknown_topic', `"${topic.name}" has no value yet: nobody published one`);
  const reason = topic.freshness.stale ? topic.freshness.error : 'its source has not answered yet';
  throw new HeadwaterError('unavailable', `"${topic.name}" has no value yet: ${reason}`);
}

const bodies = new WeakMap<TopicView, { json: string; bytes: Uint8Array }>();

/** Encoded once for everybody, so that those who are slow to take it do not cost a copy each. */
function bytesOf(topic: TopicView, json: string): Uint8Array {
  const known = bodies.get(topic);
  if (known?.json === json) return known.bytes;
  const bytes = Buffer.from(json);
  bodies.set(topic, { json, bytes });
  return bytes;
}

async function readSince(
  context: EdgeContext,
  exchange: Exchange,
  topic: TopicView,
  since: Cursor,
  wait: number,
): Promise<void> {
  await freshen(context, exchange, topic);
  let missed = context.hub.since(topic.name, since, jsonArray);
  if (!missed && wait > 0) {
    await awaitChange(context, exchange, topic.name, wait);
    missed = context.hub.since(topic.name, since, jsonArray);
  }
  if (exchange.gone.aborted) return;
  const headers = {
    ...JSON_TYPE,
    etag: `"${formatCursor(topic)}"`,
    // Long enough for a cache to answer a crowd that asks for the same cursor as one, short enough to hide nothing.
    'cache-control': 'public, max-age=1',
  };
  reply(context, exchange, { status: 200, headers, body: missed ?? '[]' });
}

/** Seconds to wait: `?wait=30`, or `Prefer: wait=30` (RFC 7240, 4.3). */
function waitOf({ query, request }: Exchange): number {
  const asked =
    query.get('wait') ?? /(?:^|[,;\s])wait\s*=\s*"?(\d+)/i.exec(request.header('prefer') ?? '')?.[1];
  if (asked === undefined || asked === null) return 0;
  if (!/^\d{1,6}$/.test(asked))
    throw new HeadwaterError('bad_request', `wait=${asked}: a whole number of seconds is expected`);
  return Math.min(Number(asked), MAX_WAIT);
}

function cursorOf(text: string): Cursor {
  const cursor = parseCursor(text);
  if (cursor) return cursor;
  throw new HeadwaterError(
    'bad_request',
    `since=${text.slice(0, 64)}: a cursor "epoch:version" is expected, as in the ETag`,
  );
}
