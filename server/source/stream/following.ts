import type { Json } from '../../../shared/json.js';
import type { TopicKind } from '../../../shared/messages.js';
import type { Clock } from '../../async/clock.js';
import type { TopicWriter } from '../../store/store.js';
import type { StreamCounts } from '../readings.js';
import type { FetchContext } from '../source.js';
import { SourceError } from '../source-error.js';
import type { Pushed, PushSource } from './push-source.js';

export interface ConnectionOptions {
  source: PushSource;
  /** What the messages go to: as its value, or as its events. */
  topic: Pick<TopicWriter, 'set' | 'append' | 'stand' | 'checked' | 'fail' | 'latest' | 'view'>;
  kind: TopicKind;
  /** Makes what the topic gets of each message. */
  transform?: ((value: Json, context: FetchContext) => Promise<Json>) | undefined;
  /** Resolves when the store has flushed what was committed. */
  flushed: () => Promise<void>;
  clock: Clock;
}

/** What became of the connections and messages of one push source. */
export interface FollowerStats extends Omit<StreamCounts, 'connected'> {
  connected: boolean;
}

/** What the owner of a connection hears of it. */
export interface ConnectionEvents {
  opened(): void;
  /** The topic holds what the upstream says. */
  settled(): void;
  /** A message was no good, or some are missing. */
  fault(error: unknown): void;
  /** Where the stream stands now: in the same turn as what brought it there was committed. */
  moved(at: string): void;
}

/** After so many messages the event loop gets a turn. */
const TURN = 256;
/** So many events may wait for a flush; then the upstream has to. */
const UNFLUSHED = 4_096;

/**
 * One connection: brings what comes over it to the topic, one thing after the other, and asks for more only when that is
 * done. Throws when the connection breaks or ends, and what aborts `signal`.
 *
 * The connection vouches for the topic, so that signs of life renew its `asOf`, as soon as nothing can have been missed:
 * on event topics and where it was resumed from the start, otherwise from its first message on. A message that is no
 * good ends that until the next good one.
 */
export async function followConnection(
  options: ConnectionOptions & { after: string | undefined; stats: FollowerStats; signal: AbortSignal },
  events: ConnectionEvents,
): Promise<never> {
  const { source, topic, kind, transform, flushed, clock, after, stats, signal } = options;
  let vouches = false;
  let sinceTurn = 0;
  let sinceFlush = 0;

  async function take(item: Pushed): Promise<void> {
    switch (item.kind) {
      case 'open':
        stats.connected = true;
        stats.connects += 1;
        events.opened();
        if (kind === 'event' || item.resumed) {
          vouches = true;
          topic.checked(clock.now());
          events.settled();
        }
        break;
      case 'alive':
        if (vouches) topic.checked(clock.now());
        break;
      case 'message':
        await bring(item.value, item.at);
        return;
      case 'fault':
        fault(item.error);
    }
    move(item.at);
  }

  /** A value that lacks something is not what the stream says there: the next connection is to bring it. */
  function move(at: string | undefined): void {
    if (at !== undefined && (kind === 'event' || vouches || at === '')) events.moved(at);
  }

  async function bring(message: Json, at: string | undefined): Promise<void> {
    try {
      const value = transform ? await transform(message, { signal, previous: topic.latest }) : message;
      if (kind === 'event') topic.append(value);
      else topic.set(value, clock.now());
      stats.messages += 1;
      vouches = true;
      move(at);
      events.settled();
    } catch (error) {
      if (signal.aborted) throw error;
      fault(error);
      move(at);
    }
  }

  function fault(error: unknown): void {
    stats.faults += 1;
    vouches = false;
    events.fault(error);
  }

  /** A flood must neither hold the event loop nor pile up before the flush. */
  async function breathe(): Promise<void> {
    sinceTurn += 1;
    sinceFlush += 1;
    if (kind === 'event' && sinceFlush >= UNFLUSHED) await flushed();
    else if (sinceTurn >= TURN) await new Promise((resolve) => setImmediate(resolve));
    else return;
    if (sinceFlush >= UNFLUSHED) sinceFlush = 0;
    sinceTurn = 0;
  }

  for await (const batch of source.connect({ signal, after, previous: topic.latest })) {
    for (const item of batch) {
      signal.throwIfAborted();
      await take(item);
      await breathe();
    }
  }
  signal.throwIfAborted();
  throw new StreamEnded(source.label);
}

/** The upstream closed the stream in good order. */
export class StreamEnded extends SourceError {
  constructor(label: string) {
    super(`${label} ended the stream`);
    this.name = 'StreamEnded';
  }
}
