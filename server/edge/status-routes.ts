import { HeadwaterError } from '../../shared/errors.js';
import { type Store, unknownTopic } from '../store/store.js';
import type { TopicView } from '../store/topic.js';
import { etagOf } from './conditions.js';
import type { EdgeContext } from './context.js';
import { type Exchange, reply } from './exchange.js';
import { bearerToken } from './publish-right.js';

function replyJson(
  context: EdgeContext,
  exchange: Exchange,
  status: number,
  body: unknown,
  headers = {},
): void {
  const all = { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers };
  reply(context, exchange, { status, headers: all, body: JSON.stringify(body) });
}

/** `GET /topics`: what there is, by name. Topics of a pattern appear once somebody used them. */
export function listTopics(context: EdgeContext, exchange: Exchange): void {
  const topics = [...context.store.topics()].sort((a, b) => (a.name < b.name ? -1 : 1));
  replyJson(
    context,
    exchange,
    200,
    topics.map((topic) => ({
      topic: topic.name,
      kind: topic.kind,
      version: topic.version,
      ...(topic.asOf === undefined ? {} : { asOf: new Date(topic.asOf).toISOString() }),
      stale: topic.freshness.stale,
      ...(topic.freshness.stale ? { error: topic.freshness.error } : {}),
      subscribers: context.hub.subscribers(topic.name),
    })),
  );
}

/** `POST /refresh/{topic}`: fetches now; calls during a running fetch share it. */
export async function refreshTopic(context: EdgeContext, exchange: Exchange, name: string): Promise<void> {
  context.publishRight.require(bearerToken(exchange.request.header('authorization')));
  const topic = context.store.open(name);
  if (!topic) throw unknownTopic(name);
  try {
    await refresh(context, topic);
  } finally {
    // Asking must not fill the store with topics that nobody ever wrote to.
    context.hub.release(name);
  }
  if (exchange.gone.aborted) return;
  if (topic.freshness.stale) throw new HeadwaterError('unavailable', `"${name}": ${topic.freshness.error}`);
  replyJson(
    context,
    exchange,
    200,
    { topic: name, version: topic.version, asOf: isoOf(topic) },
    { etag: etagOf(topic) },
  );
}

async function refresh({ refreshers, store }: EdgeContext, { name }: TopicView): Promise<void> {
  const refresher = refreshers.get(name);
  if (!refresher)
    throw new HeadwaterError('bad_request', `"${name}" has no source to refresh: it is published to`);
  await refresher.refresh();
  await store.flushed();
}

function isoOf({ asOf }: TopicView): string | undefined {
  return asOf === undefined ? undefined : new Date(asOf).toISOString();
}

/** `GET /healthz`: the process answers. */
export function showHealth(context: EdgeContext, exchange: Exchange): void {
  replyJson(context, exchange, 200, { status: 'ok' });
}

/**
 * `GET /readyz`: 200 once every source that always runs has been asked at least once, 503 before that and while
 * draining. A source that fails does not make the server unready: the last good values are served, marked stale.
 */
export function showReadiness(context: EdgeContext, exchange: Exchange): void {
  const waitingFor = [...context.refreshers]
    .filter(([, refresher]) => !refresher.ready)
    .map(([topic]) => topic);
  if (context.gatekeeper.isShut) throw new HeadwaterError('unavailable', 'this server is draining');
  if (waitingFor.length > 0) {
    throw new HeadwaterError('unavailable', `waiting for the first answer of: ${waitingFor.join(', ')}`);
  }
  replyJson(context, exchange, 200, { status: 'ready', stale: staleTopics(context.store) });
}

function staleTopics(store: Store): string[] {
  return [...store.topics()].filter((topic) => topic.freshness.stale).map((topic) => topic.name);
}

/** `GET /metrics`, in the Prometheus text format. */
export async function showMetrics(context: EdgeContext, exchange: Exchange): Promise<void> {
  const { contentType, text } = await context.metrics();
  reply(context, exchange, {
    status: 200,
    headers: { 'content-type': contentType, 'cache-control': 'no-store' },
    body: text,
  });
}
