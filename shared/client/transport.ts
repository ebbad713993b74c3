import type { Cursor } from '../cursor.js';
import type { HeadwaterError } from '../errors.js';
import type { DeliveryMode, ServerMessage } from '../messages.js';

/**
 * `connecting`: never open yet. `open`: updates flow. `draining`: the server said that it is going away.
 * `reconnecting`: the connection was lost and is tried again. `closed`: by `close()`, for good.
 */
export type Status = 'connecting' | 'open' | 'reconnecting' | 'draining' | 'closed';

/** A topic that is subscribed to. A transport reads it anew whenever it connects. */
export interface Wanted {
  readonly topic: string;
  readonly mode: DeliveryMode | undefined;
  readonly progress: number | undefined;
  /** Where to resume; `undefined`: from the whole value. */
  readonly cursor: Cursor | undefined;
}

/** How messages come to the client. It owns its connections and timers, and reconnects by itself. */
export interface Transport {
  subscribe(wanted: Wanted): void;
  unsubscribe(topic: string): void;
  /** Begins the subscription at the server anew, from `wanted.cursor`. */
  resubscribe(wanted: Wanted): void;
  /**
   * Resolves when no socket, stream or timer is left, or after a second if a server does not answer the close frame of a
   * WebSocket that cannot be cut: the platform drops that one. No call of the sink follows.
   */
  close(): Promise<void>;
}

/** Where a transport puts what it hears. */
export interface TransportSink {
  status(status: Status, reason?: string): void;
  /** `epoch`: the topic's life, where the transport knows it apart from the message. */
  message(message: ServerMessage, epoch?: string): void;
  /** The server will not serve this topic. The transport has let go of it. */
  refused(topic: string, error: HeadwaterError): void;
  /** Something went wrong that ends no subscription, about one topic or the connection. */
  problem(error: HeadwaterError, topic?: string): void;
}
