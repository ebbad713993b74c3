import type { DeliveryMode } from '../../shared/messages.js';
import type { TopicFlush } from '../store/topic.js';
import type { Channel, Lane } from './channel.js';
import type { Connection } from './connection.js';
import type { HubStats } from './stats.js';
import { NOTHING, type Subscription } from './subscription.js';
import { Encoded, type WireFormat } from './wire.js';

/**
 * How many readers are looked at before the first of them is written to. What is kept of each is seldom in the caches:
 * looks that follow one another wait for the memory together, and no system call drives out what they brought.
 */
const PORTION = 16;

/**
 * Queues one topic's flush for everyone who reads it. Connections whose queue was empty are added to `touched`;
 * the caller sends them once all topics of the flush are queued, so each gets one write.
 */
export function deliver(channel: Channel, flush: TopicFlush, touched: Connection[], stats: HubStats): void {
  forEachLane(channel, flush, stats, (lane, bytes, builtOn) => {
    let readers = 0;
    for (const subscription of lane.subscriptions) {
      if (!takes(subscription, builtOn)) continue;
      readers += 1;
      if (subscription.connection.queue(bytes)) touched.push(subscription.connection);
    }
    return readers;
  });
}

/**
 * The same where nothing else is flushed with it: connections for which nothing waits get it written at once, which
 * spares a crowd a second walk through the memory of all of them.
 */
export function deliverAlone(
  channel: Channel,
  flush: TopicFlush,
  touched: Connection[],
  elapsed: number,
  stats: HubStats,
): void {
  forEachLane(channel, flush, stats, ({ subscriptions }, bytes, builtOn) => {
    const message = [bytes] as const;
    const chosen: Connection[] = [];
    let readers = 0;
    // From the end: a reader that leaves while it is written to changes places with one that had its turn.
    for (let end = subscriptions.length; end > 0; end -= PORTION) {
      for (let index = end - 1; index >= 0 && index >= end - PORTION; index--) {
        const subscription = subscriptions[index];
        if (!subscription || !takes(subscription, builtOn)) continue;
        const { connection } = subscription;
        readers += 1;
        if (!connection.lagging && connection.outlet.bufferedBytes === 0) chosen.push(connection);
        else if (connection.queue(bytes)) touched.push(connection);
      }
      for (const connection of chosen) connection.sendAlone(message, elapsed);
      chosen.length = 0;
    }
    return readers;
  });
}

/** `visit` says how many readers it gave the bytes to. */
function forEachLane(
  channel: Channel,
  flush: TopicFlush,
  stats: HubStats,
  visit: (lane: Lane, bytes: Uint8Array, builtOn: number | undefined) => number,
): void {
  const { topic, change, turned } = flush;
  if (!change && !turned) return;
  // A value builds on nothing; a patch and events build on what came before; a turn on having seen all.
  const builtOn = change?.kind === 'value' ? undefined : (change?.from ?? topic.version);
  const encodedFor: Partial<Record<DeliveryMode, Encoded | undefined>> = {};
  // From the end: a lane whose last reader leaves while it is written to is taken out.
  for (let index = channel.lanes.length - 1; index >= 0; index--) {
    const lane = channel.lanes[index];
    if (!lane) continue;
    encodedFor[lane.mode] ??= channel.encodeFlush(flush, lane.mode);
    const encoded = encodedFor[lane.mode];
    if (encoded) count(encoded, visit(lane, bytesOf(encoded, lane.format, stats), builtOn), stats);
  }
}

/** Whether a reader is in step with a flush and has room for it: it then holds the topic's version. */
function takes(subscription: Subscription, builtOn: number | undefined): boolean {
  const { topic } = subscription.channel;
  const inStep = builtOn === undefined || subscription.version === builtOn;
  if (subscription.behind || !inStep || !subscription.connection.room) {
    fallBehind(subscription);
    return false;
  }
  subscription.version = topic.version;
  subscription.toldStale = topic.freshness.stale;
  return true;
}

/** Tells those who asked for it that the source was asked and nothing changed, and when they are due. */
export function deliverChecked(
  channel: Channel,
  touched: Connection[],
  elapsed: number,
  stats: HubStats,
): void {
  if (channel.progressing === 0) return;
  const checked = channel.checked();
  for (const { subscriptions, format } of channel.lanes) {
    for (const subscription of subscriptions) {
      const { connection, progress } = subscription;
      if (
        progress === 0 ||
        elapsed < subscription.nextProgressAtElapsed ||
        subscription.behind ||
        !connection.room
      )
        continue;
      subscription.nextProgressAtElapsed = elapsed + progress;
      count(checked, 1, stats);
      if (connection.queue(bytesOf(checked, format, stats))) touched.push(connection);
    }
  }
}

/** Sends a connection what is queued, then whatever it fell behind with, as far as there is room. */
export function send(connection: Connection, elapsed: number, stats: HubStats): void {
  connection.send(elapsed);
  while (connection.lagging && connection.room) {
    connection.lagging = false;
    for (const subscription of connection.subscriptions.values()) {
      if (!subscription.behind) continue;
      stats.conflations += 1;
      catchUp(subscription, stats);
    }
    connection.send(elapsed);
  }
}

/**
 * Queues what leads a reader from the version it holds to the current one: for a state topic one patch or the
 * value, for an event topic the events or the gap; and the source's status if the reader was told otherwise.
 */
export function catchUp(subscription: Subscription, stats: HubStats): void {
  const { channel, connection, mode } = subscription;
  const { topic } = channel;
  subscription.behind = false;

  if (topic.kind === 'state' && subscription.version !== topic.version && topic.version > 0) {
    if (!connection.room) {
      fallBehind(subscription);
      return;
    }
    const patchable = mode === 'patch' && subscription.version !== NOTHING;
    const encoded = patchable ? channel.stateSince(subscription.version) : channel.value();
    queue(connection, encoded, stats);
    subscription.version = topic.version;
  }
  while (topic.kind === 'event' && subscription.version !== topic.version) {
    if (!connection.room) {
      fallBehind(subscription);
      return;
    }
    const { encoded, version, gap } = channel.eventsSince(subscription.version);
    queue(connection, encoded, stats);
    subscription.version = version;
    if (gap) stats.gaps += 1;
  }
  if (subscription.toldStale !== topic.freshness.stale) {
    if (!connection.room) {
      fallBehind(subscription);
      return;
    }
    queue(connection, channel.freshness(), stats);
    subscription.toldStale = topic.freshness.stale;
  }
}

/** Queues a topic's messages for one connection. */
function queue(connection: Connection, encoded: Encoded, stats: HubStats): void {
  connection.queue(bytesOf(encoded, connection.outlet.format, stats));
  count(encoded, 1, stats);
}

/** Queues a message that is for that connection only, as JSON text. */
export function queueText(connection: Connection, text: string, stats: HubStats): void {
  const encoded = new Encoded([{ text }]);
  connection.queue(encoded.bytes(connection.outlet.format));
  count(encoded, 1, stats);
}

/** Counts what so many connections were given: messages, not writes, and as long as they are, not as their frames. */
function count({ parts, payloadBytes }: Encoded, readers: number, stats: HubStats): void {
  stats.deliveries += readers * parts.length;
  stats.bytes += readers * payloadBytes;
}

/** The bytes of a topic's messages, and the count of those that had to be made. */
export function bytesOf(encoded: Encoded, format: WireFormat, stats: HubStats): Uint8Array {
  const before = encoded.encodings;
  const bytes = encoded.bytes(format);
  stats.encodings += encoded.encodings - before;
  return bytes;
}

function fallBehind(subscription: Subscription): void {
  subscription.behind = true;
  subscription.connection.lagging = true;
}
