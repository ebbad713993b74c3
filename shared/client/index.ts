/**
 * The client SDK, `headwater/client`: live topics in a browser or in Node, with no dependency.
 *
 * ```ts
 * const client = connect<{ quotes: Quote[] }>('http://localhost:8080');
 * const subscription = client.subscribe('quotes', ({ value, asOf, stale }) => render(value));
 * ```
 */

export { HeadwaterError } from '../errors.js';
export type { Client, StatusListener, Subscription } from './client.js';
export { connect } from './client.js';
export type {
  ConnectOptions,
  ErrorListener,
  ListenOptions,
  SubscribeOptions,
  WatchOptions,
} from './options.js';
export type { Status } from './transport.js';
export type { EventTopic, EventUpdate, GapUpdate, StateUpdate, Update, UpdateOf } from './update.js';
export type { WebSocketConstructor, WebSocketLike } from './websocket-transport.js';
