import { performance } from 'node:perf_hooks';
import type { Cursor } from '../../shared/cursor.js';
import { HeadwaterError } from '../../shared/errors.js';
import type { DeliveryMode, DrainMessage } from '../../shared/messages.js';
import { type Clock, systemClock } from '../async/clock.js';
import { record } from '../async/distribution.js';
import type { Store } from '../store/store.js';
import type { TopicFlush, TopicView } from '../store/topic.js';
import type { Channel } from './channel.js';
import { createChannels, type OnDemand } from './channels.js';
import { Connection, type Outlet } from './connection.js';
import { bytesOf, catchUp, deliver, deliverAlone, deliverChecked, queueText, send } from './delivery.js';
import { inTurns } from './in-turns.js';
import { startOf, whatFollows } from './resume.js';
import { createStats, type HubStats } from './stats.js';
import type { Subscription } from './subscription.js';
import type { WireFormat } from './wire.js';

export interface SubscribeOptions {
  mode: DeliveryMode;
  /** Where the reader stopped; what came after it is sent first. */
  since?: Cursor | undefined;
  /** Milliseconds: tell `checked` at most that often; absent or 0: never. */
  progress?: number | undefined;
}

/** Who gets what: joins the store's flushes with the connections of every edge. */
export interface Hub {
  /** Takes in a connection. */
  connect(outlet: Outlet): Connection;
  /** Cuts a connection whose peer reads too slowly or has died. */
  drop(connection: Connection): void;
  /** Forgets a connection that has ended. Idempotent. */
  disconnect(connection: Connection): void;
  /**
   * Subscribes a connection, or subscribes it anew if it was. The answer of `acknowledge` (JSON text of a
   * message) leaves first, then what the reader lacks, in one write: snapshot and live updates join without a hole.
   * @throws {HeadwaterError} `unknown_topic`, `limit`
   */
  subscribe(
    connection: Connection,
    topic: string,
    options: SubscribeOptions,
    acknowledge?: (topic: TopicView, resumed: boolean) => string,
  ): void;
  /** False if it was not subscribed. */
  unsubscribe(connection: Connection, topic: string): boolean;
  /** Sends one message, as JSON text, to one connection. */
  tell(connection: Connection, text: string): void;
  /** The edge says that bytes have left: catches up with what the connection fell behind with. */
  drained(connection: Connection): void;
  /** Calls back once, at the topic's next change of content; counts as a subscriber until then or until cancelled. */
  waitForChange(topic: string, changed: () => void): () => void;
  /** Calls back at every flush of the topic, in this process; counts as a subscriber until cancelled. */
  watch(topic: string, listener: (flush: TopicFlush) => void): () => void;
  /** What came after a cursor, without subscribing; `undefined` if nothing did. @throws {HeadwaterError} `unknown_topic` */
  since(topic: string, cursor: Cursor, format: WireFormat): Uint8Array | undefined;
  /** The history of an event topic, without subscribing: `{"version":7,"event":…}` each. @throws {HeadwaterError} `unknown_topic` */
  records(topic: string, format: WireFormat): Uint8Array;
  subscribers(topic: string): number;
  /** Lets the store forget a topic that was only looked at, unless somebody subscribes to it. */
  release(topic: string): void;
  /**
   * Tells every connection to come back later, spread over `spread` ms, and closes it; ends every wait. Does so in
   * portions that leave the event loop free for others, and resolves when all have been told.
   */
  drain(spread: number): Promise<void>;
  readonly connections: ReadonlySet<Connection>;
  readonly stats: Readonly<HubStats>;
}

export interface HubOptions {
  clock?: Clock;
  /** High-water mark of a connection's outbox, in bytes. 0: no limit. */
  outboxBytes: number;
  /** 0: no limit. */
  subscriptionsPerConnection: number;
  onDemand?: OnDemand;
}

export function createHub(store: Store, options: HubOptions): Hub {
  const { clock = systemClock, subscriptionsPerConnection, onDemand } = options;
  const highWater = options.outboxBytes || Number.POSITIVE_INFINITY;
  const channels = createChannels(store, onDemand);
  const connections = new Set<Connection>();
  const stats = createStats();

  store.onFlush((flushes) => {
    const began = performance.now();
    const elapsed = clock.elapsed();
    const touched: Connection[] = [];
    const changed: Channel[] = [];
    const watching: { watcher: (flush: TopicFlush) => void; flush: TopicFlush }[] = [];
    for (const flush of flushes) {
      if (flush.change) channels.forgetContent(flush.topic);
      const channel = channels.find(flush.topic.name);
      if (!channel) continue;
      if (flushes.length === 1 && !flush.checked) deliverAlone(channel, flush, touched, elapsed, stats);
      else deliver(channel, flush, touched, stats);
      if (flush.checked) deliverChecked(channel, touched, elapsed, stats);
      if (flush.change) changed.push(channel);
      for (const watcher of channel.watchers) watching.push({ watcher, flush });
    }
    for (const connection of touched) send(connection, elapsed, stats);
    // Collected first: who begins to watch in one of these has this flush in its snapshot already.
    for (const { watcher, flush } of watching) watcher(flush);
    for (const channel of changed) releaseWaiters(channel);
    stats.flushes += 1;
    const took = performance.now() - began;
    stats.flushTime += took;
    record(stats.flushDurations, took);
  });

  function releaseWaiters(channel: Channel): void {
    const waiters = [...channel.waiters];
    channel.waiters.clear();
    for (const changed of waiters) changed();
    if (waiters.length > 0) channels.releaseIfUnwanted(channel);
  }

  function leave(subscription: Subscription): void {
    subscription.channel.remove(subscription);
    channels.releaseIfUnwanted(subscription.channel);
  }

  function tell(connection: Connection, text: string): void {
    if (connection.closed) return;
    queueText(connection, text, stats);
    send(connection, clock.elapsed(), stats);
  }

  return {
    connections,
    stats,
    connect(outlet) {
      const connection = new Connection(outlet, highWater, stats, clock.elapsed());
      connections.add(connection);
      return connection;
    },
    drop(connection) {
      stats.drops += 1;
      connection.outlet.drop();
    },
    disconnect(connection) {
      connection.closed = true;
      if (!connections.delete(connection)) return;
      for (const subscription of connection.subscriptions.values()) leave(subscription);
      connection.subscriptions.clear();
    },
    subscribe(connection, name, { mode, since, progress = 0 }, acknowledge) {
      const previous = connection.subscriptions.get(name);
      const { size } = connection.subscriptions;
      if (!previous && subscriptionsPerConnection > 0 && size >= subscriptionsPerConnection) {
        throw new HeadwaterError(
          'limit',
          `this connection has ${size} subscriptions, the most allowed (limits.subscriptionsPerConnection): unsubscribe from one or open another`,
          { limit: 'subscriptionsPerConnection' },
        );
      }
      const channel = channels.open(name);
      const { version, resumed } = startOf(channel.topic, mode, since);
      const subscription: Subscription = {
        channel,
        connection,
        mode,
        version,
        behind: false,
        toldStale: false,
        progress,
        nextProgressAtElapsed: progress > 0 ? clock.elapsed() + progress : 0,
        lane: undefined,
        laneIndex: -1,
      };
      channel.add(subscription);
      connection.subscriptions.add(subscription);
      if (previous) leave(previous);
      if (acknowledge) {
        queueText(connection, acknowledge(channel.topic, resumed), stats);
      }
      catchUp(subscription, stats);
      send(connection, clock.elapsed(), stats);
    },
    unsubscribe(connection, name) {
      const subscription = connection.subscriptions.get(name);
      if (!subscription) return false;
      connection.subscriptions.delete(name);
      leave(subscription);
      return true;
    },
    tell,
    drained(connection) {
      const elapsed = clock.elapsed();
      if (connection.hasDrained(elapsed)) send(connection, elapsed, stats);
    },
    waitForChange(name, changed) {
      const channel = channels.open(name);
      // A fresh function each, so that two waits with one callback are two.
      const waiter = () => changed();
      channel.waiters.add(waiter);
      return () => {
        if (channel.waiters.delete(waiter)) channels.releaseIfUnwanted(channel);
      };
    },
    watch(name, listener) {
      const channel = channels.open(name);
      const watcher = (flush: TopicFlush) => listener(flush);
      channel.watchers.add(watcher);
      return () => {
        if (channel.watchers.delete(watcher)) channels.releaseIfUnwanted(channel);
      };
    },
    since(name, cursor, format) {
      const topic = channels.topic(name);
      const { version } = startOf(topic, 'patch', cursor);
      if (version === topic.version) return undefined;
      return bytesOf(whatFollows(channels.lookAt(topic), version), format, stats);
    },
    records(name, format) {
      return bytesOf(channels.lookAt(channels.topic(name)).records(), format, stats);
    },
    async drain(spread) {
      await inTurns(connections, (connection) => {
        const reconnectAfter = Math.round(Math.random() * spread);
        const goodbye: DrainMessage = { type: 'drain', reconnectAfter };
        queueText(connection, JSON.stringify(goodbye), stats);
        connection.finish(reconnectAfter);
      });
      for (const channel of channels.all()) {
        await inTurns(channel.waiters, (changed) => {
          channel.waiters.delete(changed);
          changed();
          channels.releaseIfUnwanted(channel);
        });
      }
    },
    release(name) {
      if (!channels.find(name)) store.forget(name);
    },
    subscribers: (name) => channels.find(name)?.subscribers ?? 0,
  };
}
