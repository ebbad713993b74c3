import type { Json } from '../../shared/json.js';
import type { UrlStats } from './readings.js';

/** What a fetch brought: a value, or the news that the one it brought last still stands (304, equal bytes). */
export type Fetched = { kind: 'value'; value: Json } | { kind: 'unchanged' };

export interface FetchContext {
  /** Aborts on time-out and on shutdown; a source lets go of every socket, timer and file before it settles. */
  signal: AbortSignal;
  /** What the topic holds now; `undefined` before the first success. Never mutate it. */
  previous: Json | undefined;
}

/** Which topic a source serves. */
export interface SourcePlace {
  topic: string;
  /** What the parameters of the configured topic stand for in it: `{ city: 'oslo' }`; none: `{}`. */
  parameters: Readonly<Record<string, string>>;
}

/** What a source in code is given. */
export interface FunctionContext extends SourcePlace {
  /** Aborts on time-out and on shutdown; let go of everything then. */
  signal: AbortSignal;
  /** A copy of what the topic holds now, made when it is asked for; `undefined` before the first success. */
  readonly previous: Json | undefined;
}

/** A push source in code: yields values as they come, until `signal` aborts; it must let go of everything then, and yield JSON. */
export type StreamFunction = (context: FunctionContext) => AsyncGenerator<unknown>;

/** One way to get one topic's value. Adapters are factories that return this; the refresher owns when it runs. */
export interface Source {
  /** For logs and errors, without secrets: `http://a.example/q`. */
  readonly label: string;
  /** @throws anything; the refresher turns it into a short reason. {@link HeadwaterError} messages are shown to clients as they are. */
  fetch(context: FetchContext): Promise<Fetched>;
  /** Where the source itself knows of changes (a watched file): calls `changed`, at most once a change, until `signal` aborts. */
  watch?(changed: () => void, signal: AbortSignal): void;
  /** Where the source asks several URLs: how each of them fared. */
  stats?(): readonly UrlStats[];
  /**
   * Where it asks URLs: asks all of them now, apart from `fetch` and what that knows, and gives the first good answer.
   * @throws as `fetch` does
   */
  race?(signal: AbortSignal): Promise<RaceWin>;
  /** It is fetched at intervals until `signal` aborts: by that is counted who shares a quota. */
  enlist?(signal: AbortSignal): void;
  /** The shortest interval, in ms, that its quotas afford now if all who are enlisted keep to theirs; 0: any. */
  affordable?(): number;
}

/** The first good answer of several. */
export interface RaceWin {
  /** The URL that gave it, without secrets. */
  winner: string;
  value: Json;
}

export interface TransformContext {
  topic: string;
  /** A copy of what the topic holds now, made when it is asked for; `undefined` before the first success. */
  readonly previous?: Json | undefined;
  /** Aborts when the time is up. */
  signal: AbortSignal;
}

/** Makes a topic's value out of what its source brought. The value is its own to change; the result must be JSON. */
export type Transform = (value: Json, context: TransformContext) => unknown;
