import type { Json } from '../../shared/json.js';
import type { PatchOperation } from '../../shared/patch.js';
import type { TopicView } from './topic.js';

/** What sources and publishers may do to a topic. */
export interface TopicWriter {
  /** Commits a value; one equal to the current one only renews `asOf`. Makes a stale topic fresh. */
  set(value: Json, asOf?: number): void;
  /** Commits a patched value. @throws {HeadwaterError} `patch_invalid`, `patch_conflict`; the value is then untouched. */
  patch(patch: readonly PatchOperation[]): void;
  /** Appends an event to an event topic. */
  append(event: Json): void;
  /** The source was asked and nothing changed (304, equal bytes): renews `asOf`, makes a stale topic fresh. */
  checked(asOf?: number): void;
  /** The source fails: the last good value stays. `error` is shown to clients: no secret, no header, one short line. */
  fail(error: string): void;
  readonly view: TopicView;
}
