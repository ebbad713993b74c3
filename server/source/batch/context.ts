import type { Json } from '../../../shared/json.js';
import type { Clock } from '../../async/clock.js';
import type { BatchStats } from '../readings.js';
import type { FetchContext, Source } from '../source.js';
import type { Ask } from './ask.js';
import type { Phases } from './phases.js';

/** What all parts of one batch work with. Durations are ms. */
export interface BatchContext {
  /** From one request for an instance to the next. */
  readonly every: number;
  /** How old what is read may be before it is asked for anew. */
  readonly maxAge: number;
  readonly when: 'always' | 'subscribed';
  readonly linger: number;
  /** For one request. */
  readonly timeout: number;
  /** How many instances one request may ask for. */
  readonly max: number;
  readonly by: string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onError: ((error: unknown) => void) | undefined;
  /** What is behind a URL. */
  source(url: string): Source;
  /** Makes the value of a topic of its record; `undefined`: that is the record. */
  readonly transform: RecordTransform | undefined;
  readonly phases: Phases;
  readonly stats: BatchStats;
  /** The requests under way. */
  readonly open: Set<Ask>;
}

export type RecordTransform = (record: Json, context: FetchContext & { topic: string }) => Promise<Json>;
