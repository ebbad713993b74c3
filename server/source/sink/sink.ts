import type { Json } from '../../../shared/json.js';

/** A value on its way to a sink, or back. */
export interface Stored {
  value: Json;
  /** When it was known to be right, in ms since the epoch; `undefined` where nobody knows. */
  asOf: number | undefined;
}

/** A place outside the process that a topic's values are written to. */
export interface Sink {
  /** For logs and for clients, without secrets: `the file board.json`. */
  readonly label: string;
  /** How many values may wait for it, the oldest giving way: 1 for a place that holds one value. */
  readonly bound: number;
  /**
   * Writes values, oldest first, all or none of them as far as anybody can know. The newest is all that a sink with a
   * `bound` of 1 is ever given.
   * @throws {SourceError} one short line; what aborts `signal`
   */
  write(values: readonly Stored[], signal: AbortSignal): Promise<void>;
  /** Reads back what was written last; `undefined` if nothing was. Absent where a sink is not for reading. */
  load?(signal: AbortSignal): Promise<Stored | undefined>;
  /** Calls each time that the place can be reached again after it was lost, and may have lost what it held. */
  onBack?(back: () => void, signal: AbortSignal): void;
}
