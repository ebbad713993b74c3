import type { Json } from '../../shared/json.js';
import type { TopicKind } from '../../shared/messages.js';
import type { HistoryBounds, HistoryEntry } from './history.js';

/** What makes a topic exist: a name, or a pattern with `{parameters}` that each stand for one segment. */
export interface Declaration {
  topic: string;
  /** Regular expressions that parameters must match from end to end; one without may be any segment. */
  parameters?: Readonly<Record<string, string>> | undefined;
  kind: TopicKind;
  history: HistoryBounds;
  /** A source serves it, so clients may not publish to it. */
  served: boolean;
}

/** The status of a topic's source. Published topics are always fresh. */
export type Freshness = { stale: false } | { stale: true; error: string };

/** Where the stream that feeds a topic stood when the topic held what it holds. */
export interface Position {
  /** Names the stream, without any secret: a position says nothing of another one. */
  readonly origin: string;
  /** As the stream itself says it: the id of an entry, of an event. */
  readonly at: string;
}

/** What the rest of the house may see of a topic. `version` 0: nothing has been flushed yet. Times are ms since the epoch. */
export interface TopicView {
  readonly name: string;
  readonly kind: TopicKind;
  readonly served: boolean;
  /** Names this life of the topic: random, made with it. */
  readonly epoch: string;
  /** The last flushed version. */
  readonly version: number;
  /** The last flushed value of a state topic; `undefined` until there is one, and on event topics. */
  readonly value: Json | undefined;
  /** The flushed value as JSON text, encoded at most once a version; `undefined` until there is one. */
  readonly valueJson: string | undefined;
  /** When the value was last known to be right (fetched, or checked and unchanged), or the last event came. */
  readonly asOf: number | undefined;
  /** When the flushed version came to be. */
  readonly changedAt: number | undefined;
  readonly freshness: Freshness;
  /** Of what has been flushed; `undefined` where no stream feeds it, or one that does not tell. */
  readonly position: Position | undefined;
  /** A commit waits for the next flush. */
  readonly dirty: boolean;
  /** The steps after `version` from the history; `undefined` where it does not reach. */
  since(version: number): readonly HistoryEntry[] | undefined;
  /** The version before the oldest step that history still has; the current one when it has none. */
  readonly reachesBackTo: number;
}

/** What one flush changed of a topic's content. */
export type Change =
  | { kind: 'value'; version: number }
  /** `patchJson`: RFC 6902 operations without the enclosing brackets. */
  | { kind: 'patch'; from: number; version: number; patchJson: string }
  | { kind: 'events'; from: number; version: number; entries: readonly HistoryEntry[] };

/** What one flush has to tell of one topic. */
export interface TopicFlush {
  readonly topic: TopicView;
  readonly change: Change | undefined;
  /** The source began to fail, or works again. */
  readonly turned: 'stale' | 'fresh' | undefined;
  /** The source was asked and nothing changed. */
  readonly checked: boolean;
  /** The stream that feeds it stands elsewhere than before. */
  readonly moved: boolean;
}
