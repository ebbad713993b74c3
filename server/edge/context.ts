import type { Clock } from '../async/clock.js';
import type { Hub } from '../hub/hub.js';
import type { WireFormat } from '../hub/wire.js';
import type { Refreshers } from '../source/refreshers.js';
import type { Store } from '../store/store.js';
import type { Gatekeeper } from './gatekeeper.js';
import type { LimitHits } from './limit-hits.js';
import type { OriginCheck } from './origin.js';
import type { PublishRight } from './publish-right.js';
import type { Races } from './races.js';
import type { Rate } from './token-bucket.js';

/** Bounds on what clients may take. 0: no limit. */
export interface EdgeLimits {
  connections: number;
  connectionsPerAddress: number;
  subscriptionsPerConnection: number;
  messagesPerSecond: number;
  /** Of one WebSocket message. */
  messageBytes: number;
  /** Of one token, over WebSocket and HTTP together. */
  publishesPerSecond: number;
  /** New WebSockets and event streams. */
  acceptPerSecond: number;
  /** Of a request's path and query. */
  urlBytes: number;
  /** Of all headers of a request. */
  headerBytes: number;
  /** What may wait for one reader. */
  outboxBytes: number;
  /** Milliseconds that an outbox may stay full. */
  slowTimeout: number;
}

/** What every edge works with: made once, by the application. */
export interface EdgeContext {
  readonly store: Store;
  readonly hub: Hub;
  /** The sources by the topic they serve. */
  readonly refreshers: Refreshers;
  readonly clock: Clock;
  readonly limits: EdgeLimits;
  /** How often a client may send a message (`limits.messagesPerSecond`). */
  readonly messageRate: Rate;
  readonly limitHits: LimitHits;
  /** Milliseconds between signs of life. */
  readonly heartbeat: number;
  readonly publishRight: PublishRight;
  readonly origins: OriginCheck;
  readonly gatekeeper: Gatekeeper;
  readonly races: Races;
  /** WebSocket text frames of the loop policy. */
  readonly webSocketFormat: WireFormat;
  /** What `GET /metrics` shows. */
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
  /** Told of defects, with the place where they showed. */
  readonly report: (error: unknown, where: string) => void;
}

export const VERSION = '0.1.0';

/** Name and version, as told in `hello`. */
export const SERVER_NAME = `headwater/${VERSION}`;
