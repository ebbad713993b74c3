import { HeadwaterError } from '../errors.js';
import type { DeliveryMode, ServerMessage } from '../messages.js';
import { isTopic } from '../topic.js';
import type { ErrorListener, SubscribeOptions } from './options.js';
import { createReplica, type Outcome, type Replica, type TopicMessage } from './replica.js';
import type { Transport, TransportSink, Wanted } from './transport.js';
import type { Update } from './update.js';

/** One local subscriber of a topic. None of these may throw. */
export interface Listener {
  update(update: Update): void;
  /** `final`: the server refused the topic and the listener has been let go of. */
  error(error: HeadwaterError, final: boolean): void;
  /** The client was closed. */
  end(): void;
}

/** All topics with a local subscriber: one replica and one subscription at the server each. */
export interface Subscriptions {
  readonly wanted: () => Iterable<Wanted>;
  readonly sink: Omit<TransportSink, 'status'>;
  /** @returns a function that stops listening; with the last listener the subscription at the server ends. */
  listen(topic: string, listener: Listener, options: SubscribeOptions): () => void;
  /** Ends every listener, and refuses those that come later. */
  close(): void;
}

interface Entry extends Wanted {
  progress: number | undefined;
  readonly mode: DeliveryMode | undefined;
  readonly replica: Replica;
  readonly listeners: Set<Listener>;
}

/** `transport` is asked for late, because transports need the sink to exist first. */
export function createSubscriptions(transport: () => Transport, reportError: ErrorListener): Subscriptions {
  const entries = new Map<string, Entry>();
  let closed = false;

  function tell(entry: Entry, { updates, error, resync }: Outcome): void {
    for (const update of updates) {
      for (const listener of [...entry.listeners]) listener.update(update);
    }
    if (error) for (const listener of [...entry.listeners]) listener.error(error, false);
    if (resync && entries.get(entry.topic) === entry) transport().resubscribe(entry);
  }

  function join(topic: string, { mode, progress }: SubscribeOptions): Entry {
    const known = entries.get(topic);
    if (known) {
      if (progress !== undefined && progress < (known.progress ?? Number.POSITIVE_INFINITY)) {
        known.progress = progress;
        transport().resubscribe(known);
      }
      return known;
    }
    const replica = createReplica(topic);
    const entry: Entry = {
      topic,
      mode,
      progress,
      replica,
      listeners: new Set(),
      get cursor() {
        return replica.cursor;
      },
    };
    entries.set(topic, entry);
    transport().subscribe(entry);
    return entry;
  }

  function leave(entry: Entry, listener: Listener): void {
    const last = entry.listeners.delete(listener) && entry.listeners.size === 0;
    if (!last || entries.get(entry.topic) !== entry) return;
    entries.delete(entry.topic);
    transport().unsubscribe(entry.topic);
  }

  return {
    wanted: () => entries.values(),
    sink: {
      message(message, epoch) {
        if (!isTopicMessage(message)) return;
        const entry = entries.get(message.topic);
        if (entry) tell(entry, entry.replica.apply(message, epoch));
      },
      refused(topic, error) {
        const entry = entries.get(topic);
        entries.delete(topic);
        for (const listener of [...(entry?.listeners ?? [])]) listener.error(error, true);
      },
      problem(error, topic) {
        const entry = topic === undefined ? undefined : entries.get(topic);
        if (entry) tell(entry, { updates: [], error });
        else reportError(error);
      },
    },
    listen(topic, listener, options) {
      const refusal = refusalOf(topic, closed);
      if (refusal) {
        queueMicrotask(() => listener.error(refusal, true));
        return () => undefined;
      }
      const entry = join(topic, options);
      entry.listeners.add(listener);
      if (entry.replica.current) {
        // Later in this turn, so that the caller holds the subscription when its first update comes.
        queueMicrotask(() => {
          const { current } = entry.replica;
          if (current && entry.listeners.has(listener)) listener.update({ ...current, changed: true });
        });
      }
      return () => leave(entry, listener);
    },
    close() {
      closed = true;
      const open = [...entries.values()];
      entries.clear();
      for (const entry of open) for (const listener of entry.listeners) listener.end();
    },
  };
}

function refusalOf(topic: string, closed: boolean): HeadwaterError | undefined {
  if (closed) return new HeadwaterError('closed', `Cannot subscribe to "${topic}": the client is closed.`);
  if (isTopic(topic)) return undefined;
  return new HeadwaterError('bad_request', `"${topic}" is no topic name; an example of one is quotes/AAPL.`);
}

function isTopicMessage(message: ServerMessage): message is TopicMessage {
  switch (message.type) {
    case 'subscribed':
    case 'value':
    case 'patch':
    case 'event':
    case 'gap':
    case 'stale':
    case 'fresh':
    case 'checked':
      return true;
    default:
      return false;
  }
}
