import type { Json } from '../../../shared/json.js';
import type { TopicKind } from '../../../shared/messages.js';

/**
 * What comes over a connection, in order. `at` is where the stream then stands: once the item has been taken, the next
 * connection may go on behind it. Empty: it stands nowhere any more.
 */
export type Pushed = { readonly at?: string | undefined } & (
  | {
      kind: 'open';
      /** Nothing that came since the last connection will be missing on this one. */
      resumed: boolean;
    }
  | { kind: 'message'; value: Json }
  /** A sign of life without news. */
  | { kind: 'alive' }
  /** One message was no good, or some are missing; the connection goes on. */
  | { kind: 'fault'; error: unknown }
);

export interface PushContext {
  /** Aborts when the connection is to end: every socket and timer of it is let go before the iteration ends. */
  signal: AbortSignal;
  /** The last `at` that was taken, also by the process before if the topic is kept; `undefined`: there is none. */
  after: string | undefined;
  /** What the topic holds; `undefined` before the first value, and on event topics. Never mutate it. */
  previous: Json | undefined;
}

/** An upstream that sends by itself. Adapters are factories that return this; the follower owns when it runs. */
export interface PushSource {
  /** For logs and errors, without secrets: `http://a.example/events`. */
  readonly label: string;
  /**
   * One connection: yields what came, beginning with `open`, and is asked for more only when that was taken, so that a
   * slow reader slows the upstream. Returns when the upstream ended the stream in good order.
   * @throws anything; of what is no {@link HeadwaterError}, clients only learn that the source failed
   */
  connect(context: PushContext): AsyncIterable<readonly Pushed[]>;
  /**
   * A short name, without secrets, of all that makes an `at` of one process good in the next; see `originOf`. For events
   * that is the stream; for a value also what is taken of its messages, which the next one may be long in coming.
   * Absent: an `at` is good only as long as this object.
   */
  originFor?(kind: TopicKind): string;
  /** How long the upstream asked to be left alone before the next connection, in ms. */
  readonly pause?: number | undefined;
  /** Where a source hears that its upstream is back: calls `back`, until `signal` aborts. */
  watch?(back: () => void, signal: AbortSignal): void;
}
