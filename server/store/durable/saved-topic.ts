import type { Json } from '../../../shared/json.js';
import type { TopicKind } from '../../../shared/messages.js';
import type { HistoryEntry } from '../history.js';
import type { Position, TopicView } from '../topic.js';

/** A topic as it is kept over a restart: all that a reader of it could have been told. Times are ms since the epoch. */
export interface SavedTopic {
  readonly name: string;
  readonly kind: TopicKind;
  epoch: string;
  version: number;
  /** Of a state topic. */
  value: Json | undefined;
  asOf: number | undefined;
  changedAt: number | undefined;
  /** Why its source failed; `undefined`: it worked, or there is none. */
  stale: string | undefined;
  /** Where the stream that feeds it stood; `undefined`: nobody knows, or it was kept by a version that did not note it. */
  position: Position | undefined;
  /** The steps up to `version`, oldest first, without holes. */
  history: HistoryEntry[];
}

/** Takes down what a topic has flushed. Its value is shared, not copied. */
export function savedTopicOf(topic: TopicView): SavedTopic {
  const { name, kind, epoch, version, value, asOf, changedAt, freshness, position } = topic;
  return {
    name,
    kind,
    epoch,
    version,
    value,
    asOf,
    changedAt,
    stale: freshness.stale ? freshness.error : undefined,
    position,
    history: [...(topic.since(topic.reachesBackTo) ?? [])],
  };
}
