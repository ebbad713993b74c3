import type { Json } from '../json.js';

/** The current value of a state topic, or news about it: it changed, its source began to fail, it is fresh again. */
export interface StateUpdate<Value = Json> {
  kind: 'state';
  topic: string;
  /** The whole value. Shared between subscribers and with later values: never mutate it. */
  value: Value;
  version: number;
  /** Which life of the topic `version` counts in. */
  epoch: string;
  /** When the server last knew the value to be right. Its age is the age of what you show. */
  asOf: Date;
  /** Why the topic's source fails, while it fails. `undefined`: the value is kept fresh. */
  stale: string | undefined;
  /** False where only `asOf` or `stale` is news and `value` is the one you have. */
  changed: boolean;
}

/** One event of an event topic. */
export interface EventUpdate<Event = Json> {
  kind: 'event';
  topic: string;
  event: Event;
  version: number;
  epoch: string;
}

/** Events `from + 1` to `version` of an event topic are lost to this client. */
export interface GapUpdate {
  kind: 'gap';
  topic: string;
  from: number;
  version: number;
  epoch: string;
}

/** What a subscriber gets where the topic's type is not known. Tell them apart by `kind`. */
export type Update = StateUpdate | EventUpdate | GapUpdate;

declare const eventTopic: unique symbol;

/** Marks an event topic in the type parameter of `connect`: `{ 'chat/lobby': EventTopic<Message> }`. Exists in types only. */
export interface EventTopic<Event> {
  readonly [eventTopic]: Event;
}

/** What a subscriber of a topic declared as `Declared` gets: a plain type means a state topic. */
export type UpdateOf<Declared> = unknown extends Declared
  ? Update
  : [Declared] extends [EventTopic<infer Event>]
    ? EventUpdate<Event> | GapUpdate
    : StateUpdate<Declared>;
