import { type Cursor, formatCursor, parseCursor } from '../../shared/cursor.js';
import { HeadwaterError } from '../../shared/errors.js';
import type { DeliveryMode } from '../../shared/messages.js';
import type { Connection } from '../hub/connection.js';
import type { Part, WireFormat } from '../hub/wire.js';
import type { EdgeContext } from './context.js';
import { eventStreamOutlet } from './event-stream-outlet.js';
import { type Exchange, reply } from './exchange.js';

/**
 * Server-Sent Events (WHATWG HTML, 9.2): the messages of PROTOCOL section 1 in `data:`, one an event, without an
 * `event:` name. JSON text holds no line break, so a message is one line.
 */

/** A stream of one topic: every event's `id:` is the cursor it leads to. */
const singleTopic: WireFormat = {
  encode: (parts) => Buffer.from(parts.map((part) => `${idLine(part)}data: ${part.text}\n\n`).join('')),
};

/** A stream of several topics: its ids are blocks of their own, since they differ by connection. */
const severalTopics: WireFormat = {
  encode: (parts) => Buffer.from(parts.map((part) => `data: ${part.text}\n\n`).join('')),
};

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const;
/** A browser that lost the stream waits this long, in ms, plus as much again by chance, so that a crowd comes back spread out. */
const RETRY = 1_000;

function idLine({ cursor }: Part): string {
  return cursor === undefined ? '' : `id: ${cursor}\n`;
}

/** Streams the topics of one request until the client leaves or the server drains. */
export async function serveEventStream(
  context: EdgeContext,
  exchange: Exchange,
  topics: readonly string[],
): Promise<void> {
  const { request, response, query } = exchange;
  const mode = modeOf(query);
  const progress = progressOf(query);
  if (topics.length === 0) throw new HeadwaterError('bad_request', 'no topic: ask for /sse?topic=a&topic=b');
  const cursors = lastEventCursors(
    request.header('last-event-id') ?? query.get('lastEventId'),
    topics.length,
  );
  const { gone } = exchange;
  const guest = await context.gatekeeper.admitInTurn(request.remoteAddress, 'sse', gone);
  if (gone.aborted) return;
  const several = topics.length > 1;
  const outlet = eventStreamOutlet(context.hub, guest, several ? severalTopics : singleTopic);
  const { connection } = outlet;
  try {
    // Before the first byte leaves, so that a refusal can still be an HTTP status.
    for (const [index, topic] of topics.entries()) {
      context.hub.subscribe(connection, topic, { mode, progress, since: cursors[index] });
    }
  } catch (error) {
    outlet.ended();
    throw error;
  }
  const headers = { ...context.origins.headers(request), ...STREAM_HEADERS };
  if (request.method === 'HEAD') {
    outlet.ended();
    reply(context, exchange, { status: 200, headers });
    return;
  }
  // From here on nobody else waits for the client to go: the request and its signal need not stay in memory.
  response.onAbort(() => outlet.ended());
  const stream = response.stream(200, headers);
  stream.onDrain(() => outlet.drained());
  const retry = RETRY + Math.floor(Math.random() * RETRY);
  // The comment tells clients that look at comments how long a silence is one too long.
  const greeting = Buffer.from(`retry: ${retry}\n: heartbeat ${context.heartbeat}\n\n`);
  // A reader of events that is cut off before the first must know where it stood, or it would miss some.
  const position = several || isEventTopic(context, topics[0]!) ? idBlock(connection) : undefined;
  outlet.open(stream, greeting, position, several ? () => idBlock(connection) : undefined);
  context.hub.drained(connection);
}

function isEventTopic({ store }: EdgeContext, topic: string): boolean {
  return store.open(topic)?.kind === 'event';
}

function modeOf(query: URLSearchParams): DeliveryMode {
  const mode = query.get('mode') ?? 'value';
  if (mode === 'value' || mode === 'patch') return mode;
  throw new HeadwaterError('bad_request', `mode=${mode.slice(0, 32)}: "value" or "patch" is expected`);
}

function progressOf(query: URLSearchParams): number {
  const progress = query.get('progress') ?? '0';
  if (/^\d{1,9}$/.test(progress)) return Number(progress);
  throw new HeadwaterError(
    'bad_request',
    `progress=${progress.slice(0, 32)}: a number of milliseconds is expected`,
  );
}

/**
 * The cursors in a last event id, in the order of the topics: `k3x9:7` or `k3x9:7,ab12:9`. One that cannot be read, or
 * was made for another list of topics, is one that no topic was ever at: an `EventSource` cannot be told to drop it.
 */
function lastEventCursors(lastEventId: string | null, topics: number): (Cursor | undefined)[] {
  if (!lastEventId) return [];
  const cursors = lastEventId.split(',').map(parseCursor);
  return Array.from({ length: topics }, (_, k) => (cursors.length === topics && cursors[k]) || NOWHERE);
}

const NOWHERE: Cursor = { epoch: '', version: 0 };

/** Moves the browser's last event id and fires nothing (WHATWG HTML, 9.2.6: no data, no event). */
function idBlock(connection: Connection): Uint8Array {
  const cursors: string[] = [];
  for (const { channel, version } of connection.subscriptions.values()) {
    cursors.push(formatCursor({ epoch: channel.topic.epoch, version: Math.max(0, version) }));
  }
  return Buffer.from(`id: ${cursors.join(',')}\n\n`);
}
