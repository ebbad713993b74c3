import type { Json } from '../../shared/json.js';

/** What a fetch brought: a value, or the news that the one it brought last still stands (304, equal bytes). */
export type Fetched = { kind: 'value'; value: Json } | { kind: 'unchanged' };

export interface FetchContext {
  /** Aborts on time-out and on shutdown; a source lets go of every socket, timer and file before it settles. */
  signal: AbortSignal;
  /** What the topic holds now; `undefined` before the first success. Never mutate it. */
  previous: Json | undefined;
}

/** One way to get one topic's value. Adapters are factories that return this; the refresher owns when it runs. */
export interface Source {
  /** For logs and errors, without secrets: `http://a.example/q`. */
  readonly label: string;
  /** @throws anything; the refresher turns it into a short reason. {@link HeadwaterError} messages are shown to clients as they are. */
  fetch(context: FetchContext): Promise<Fetched>;
  /** Where the source itself knows of changes (a watched file): calls `changed`, at most once a change, until `signal` aborts. */
  watch?(changed: () => void, signal: AbortSignal): void;
}

export interface TransformContext {
  topic: string;
  /** What the topic holds now; `undefined` before the first success. Never mutate it. */
  previous?: Json | undefined;
  /** Aborts when the time is up. */
  signal: AbortSignal;
}

/** Makes a topic's value out of what its source brought. The value is its own to change; the result must be JSON. */
export type Transform = (value: Json, context: TransformContext) => unknown;
