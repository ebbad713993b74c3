import { HeadwaterError } from '../../shared/errors.js';
import type { Json } from '../../shared/json.js';
import type { PatchOperation } from '../../shared/patch.js';
import type { Hub } from '../hub/hub.js';
import { copyJson } from '../source/json-value.js';
import type { TopicWriter } from '../store/store.js';
import type { TopicFlush } from '../store/topic.js';

/** What a subscriber in this process is told. */
export interface TopicUpdate {
  topic: string;
  version: number;
  /** A state topic's value; `undefined` until there is one. Never mutate it. */
  value: Json | undefined;
  /** An event topic's new events, oldest first. */
  events: Json[];
  /** When the value was last known to be right. */
  asOf: Date | undefined;
  /** Why the source fails; `undefined` while it works. */
  stale: string | undefined;
}

/** A topic in the hands of the program that runs the server. */
export interface TopicHandle {
  readonly name: string;
  /** The last flushed version; 0 before the first. */
  readonly version: number;
  /** The committed value of a state topic, flushed or not. Never mutate it. */
  readonly value: Json | undefined;
  /**
   * Commits a copy of a value, so that the caller may go on working with it.
   * @throws {HeadwaterError} `bad_request` for what is no JSON (a Date, NaN, undefined), with its path; `closed`
   */
  set(value: Json): void;
  /** @throws {HeadwaterError} `patch_invalid`, `patch_conflict`, `bad_request`; the value is then untouched */
  patch(patch: readonly PatchOperation[]): void;
  /** Appends to an event topic and returns the event's version. @throws {HeadwaterError} as `set` */
  append(event: Json): number;
  /** Calls back with what there is, if anything, then at every flush that changes it. Returns what ends that. */
  subscribe(listener: (update: TopicUpdate) => void): () => void;
}

/** `report` hears of listeners that throw. */
export function topicHandle(
  writer: TopicWriter,
  hub: Hub,
  report: (error: unknown, where: string) => void,
): TopicHandle {
  const { view } = writer;
  const updateOf = (change?: TopicFlush['change']): TopicUpdate => ({
    topic: view.name,
    version: view.version,
    value: view.value,
    events: change?.kind === 'events' ? change.entries.map(({ text }) => JSON.parse(text) as Json) : [],
    asOf: view.asOf === undefined ? undefined : new Date(view.asOf),
    stale: view.freshness.stale ? view.freshness.error : undefined,
  });

  const label = `the program, for "${view.name}",`;
  const refuse = (text: string) => new HeadwaterError('bad_request', text);
  const copyOf = (value: Json, held?: Json): Json => copyJson(value, label, { refuse, held });

  return {
    name: view.name,
    get version() {
      return view.version;
    },
    get value() {
      return writer.latest;
    },
    set: (value) => writer.set(copyOf(value, writer.latest)),
    patch: (patch) => writer.patch(copyOf(patch as unknown as Json) as unknown as PatchOperation[]),
    append: (event) => writer.append(copyOf(event)),
    subscribe(listener) {
      const tell = (update: TopicUpdate) => {
        try {
          listener(update);
        } catch (error) {
          report(error, `a subscriber of ${view.name}`);
        }
      };
      const cancel = hub.watch(view.name, ({ change, turned }) => {
        if (change || turned) tell(updateOf(change));
      });
      if (view.version > 0 && view.kind === 'state') tell(updateOf());
      return cancel;
    },
  };
}
