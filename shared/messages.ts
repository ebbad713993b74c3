import type { Cursor } from './cursor.js';
import type { WireErrorCode } from './errors.js';
import type { Json } from './json.js';
import type { PatchOperation } from './patch.js';

/** The WebSocket subprotocol, offered by clients that care and echoed by the server. */
export const SUBPROTOCOL = 'headwater.v1';

/** A state topic holds one current value; an event topic a stream with a bounded history. */
export type TopicKind = 'state' | 'event';

/** `patch`: what changed (the default on WebSocket). `value`: whole values only (the default on SSE). */
export type DeliveryMode = 'patch' | 'value';

/** First on a WebSocket. `heartbeat` in milliseconds. */
export interface HelloMessage {
  type: 'hello';
  server: string;
  heartbeat: number;
}
/** The whole state: first after subscribing, or whenever a patch cannot serve. `asOf` is ISO 8601, UTC. */
export interface ValueMessage {
  type: 'value';
  topic: string;
  epoch: string;
  version: number;
  value: Json;
  asOf: string;
}
/** RFC 6902: applies to version `from`, gives `version`. `from` may lie more than one back (conflated). */
export interface PatchMessage {
  type: 'patch';
  topic: string;
  version: number;
  from: number;
  patch: PatchOperation[];
  asOf: string;
}
/** One event of an event topic. */
export interface EventMessage {
  type: 'event';
  topic: string;
  version: number;
  event: Json;
}
/** Events `from + 1` to `version` are lost to this client. */
export interface GapMessage {
  type: 'gap';
  topic: string;
  from: number;
  version: number;
}
/** The source began to fail; the last good value (as of `asOf`, absent if there never was one) stays. */
export interface StaleMessage {
  type: 'stale';
  topic: string;
  asOf?: string;
  error: string;
}
/** The source works again. */
export interface FreshMessage {
  type: 'fresh';
  topic: string;
}
/** The source was asked and nothing changed; only for subscribers that asked for `progress`. */
export interface CheckedMessage {
  type: 'checked';
  topic: string;
  asOf: string;
}
/** Answers a subscribe. After `resumed: true` come the missed messages; otherwise the value, when there is one. */
export interface SubscribedMessage {
  type: 'subscribed';
  id?: MessageId | undefined;
  topic: string;
  kind: TopicKind;
  epoch: string;
  version: number;
  resumed: boolean;
}
export interface UnsubscribedMessage {
  type: 'unsubscribed';
  id?: MessageId | undefined;
  topic: string;
}
export interface PublishedMessage {
  type: 'published';
  id?: MessageId | undefined;
  topic: string;
  version: number;
}
/** Answers an `auth` message whose token is good. */
export interface AuthenticatedMessage {
  type: 'authenticated';
  id?: MessageId | undefined;
}
export interface PongMessage {
  type: 'pong';
  id?: MessageId | undefined;
}
/** What a request could not get. The connection stays open. */
export interface ErrorMessage {
  type: 'error';
  id?: MessageId | undefined;
  topic?: string | undefined;
  code: WireErrorCode;
  message: string;
}
/** The server is going away; come back after that many milliseconds. Close code 1012 follows. */
export interface DrainMessage {
  type: 'drain';
  reconnectAfter: number;
}

/** Everything a server says. A WebSocket text frame holds one, or a JSON array of them. */
export type ServerMessage =
  | HelloMessage
  | ValueMessage
  | PatchMessage
  | EventMessage
  | GapMessage
  | StaleMessage
  | FreshMessage
  | CheckedMessage
  | SubscribedMessage
  | UnsubscribedMessage
  | PublishedMessage
  | AuthenticatedMessage
  | PongMessage
  | ErrorMessage
  | DrainMessage;

/** Chosen by the client, echoed in the answer. */
export type MessageId = number | string;

export interface SubscribeMessage {
  type: 'subscribe';
  id?: MessageId | undefined;
  topic: string;
  mode?: DeliveryMode | undefined;
  since?: Cursor | undefined;
  /** Milliseconds: asks for `checked` at most that often. */
  progress?: number | undefined;
}
export interface UnsubscribeMessage {
  type: 'unsubscribe';
  id?: MessageId | undefined;
  topic: string;
}
/** Exactly one of `value`, `patch`, `event`. */
export interface PublishMessage {
  type: 'publish';
  id?: MessageId | undefined;
  topic: string;
  value?: Json | undefined;
  patch?: PatchOperation[] | undefined;
  event?: Json | undefined;
}
export interface AuthMessage {
  type: 'auth';
  id?: MessageId | undefined;
  token: string;
}
export interface PingMessage {
  type: 'ping';
  id?: MessageId | undefined;
}

/** Everything a client says on a WebSocket, one message a text frame. */
export type ClientMessage =
  | SubscribeMessage
  | UnsubscribeMessage
  | PublishMessage
  | AuthMessage
  | PingMessage;
