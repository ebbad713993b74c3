import type { HeadwaterError } from '../errors.js';
import type { DeliveryMode } from '../messages.js';
import type { Backoff } from './backoff.js';
import type { WebSocketConstructor } from './websocket-transport.js';

export interface ConnectOptions {
  /** Sent as `Authorization: Bearer` or, on a WebSocket, in an `auth` message. */
  token?: string;
  /** `auto` (default): WebSocket where there is one, else SSE. */
  transport?: 'auto' | 'websocket' | 'sse';
  /** The WebSocket to use; default the global one. Node has none before 22: give it that of `ws`. */
  WebSocket?: WebSocketConstructor;
  /** Waits between attempts to connect, in milliseconds. Default `{ base: 500, max: 30000 }`. */
  backoff?: Partial<Backoff>;
  /** Told of every error that no subscription's own `onError` takes. Default: `console.error`. */
  onError?: ErrorListener;
}

export interface SubscribeOptions {
  /**
   * What the server sends: `patch` (default) only what changed, `value` whole values. Updates are whole either way.
   * The first subscriber of a topic chooses for all.
   */
  mode?: DeliveryMode;
  /** Milliseconds: also tell, at most that often, that the source was asked and nothing changed. */
  progress?: number;
}

export interface ListenOptions extends SubscribeOptions {
  /**
   * Told of this topic's errors. Where the server refuses the topic (`unknown_topic`, `forbidden`, `limit` …) the
   * subscription is closed by then.
   */
  onError?: ErrorListener;
}

export interface WatchOptions extends SubscribeOptions {
  /** Ends the iteration, which then throws the signal's reason. */
  signal?: AbortSignal;
}

export type ErrorListener = (error: HeadwaterError) => void;
