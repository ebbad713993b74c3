import type { DeliveryMode } from '../../shared/messages.js';
import type { Channel, Lane } from './channel.js';
import type { Connection } from './connection.js';

/** The position of a reader that holds nothing a patch could build on. */
export const NOTHING = -1;

/** One connection's reading of one topic. */
export interface Subscription {
  readonly channel: Channel;
  readonly connection: Connection;
  readonly mode: DeliveryMode;
  /** The version the reader holds once everything written has arrived; {@link NOTHING} before its first value. */
  version: number;
  /** There is more to tell than was written: the outbox was full. */
  behind: boolean;
  /** Whether the reader was last told that the source fails. */
  toldStale: boolean;
  /** Milliseconds: tell `checked` at most that often; 0: never. */
  readonly progress: number;
  /** When that is due next, by `clock.elapsed`. */
  nextProgressAtElapsed: number;
  lane: Lane | undefined;
  laneIndex: number;
}
