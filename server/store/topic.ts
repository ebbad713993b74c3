import type { Json } from '../../shared/json.js';
import type { TopicKind } from '../../shared/messages.js';

/** How much of a topic's past is kept for resume: the older end is dropped at either bound. */
export interface HistoryBounds {
  count: number;
  bytes: number;
}

/** What makes a topic exist: a name, or a pattern with `{parameters}` that each stand for one segment. */
export interface Declaration {
  topic: string;
  kind: TopicKind;
  history: HistoryBounds;
  /** A source serves it, so clients may not publish to it. */
  served: boolean;
}

/** The status of a topic's source. Published topics are always fresh. */
export type Freshness = { stale: false } | { stale: true; error: string };

/** What the rest of the house may see of a topic. `version` 0: nothing has been flushed yet. Times are ms since the epoch. */
export interface TopicView {
  readonly name: string;
  readonly kind: TopicKind;
  readonly served: boolean;
  readonly epoch: string;
  /** The last flushed version. */
  readonly version: number;
  /** The last flushed value of a state topic; `undefined` until there is one. */
  readonly value: Json | undefined;
  /** The flushed value as JSON text, encoded at most once a version; `undefined` until there is one. */
  readonly valueJson: string | undefined;
  /** When the value was last known to be right (fetched, or checked and unchanged). */
  readonly asOf: number | undefined;
  /** When the flushed version came to be. */
  readonly changedAt: number | undefined;
  readonly freshness: Freshness;
  /** A commit waits for the next flush. */
  readonly dirty: boolean;
}
