import { HeadwaterError } from '../../shared/errors.js';

/** What has a bound, by its name under `limits` in the configuration; `sockets` and the last four are no settings of it. */
export const LIMITS = [
  'connections',
  'connectionsPerAddress',
  'acceptPerSecond',
  /** Connections of all kinds, those that have not asked for anything included: somewhat more than `connections`. */
  'sockets',
  'subscriptionsPerConnection',
  'messagesPerSecond',
  'messageBytes',
  'publishesPerSecond',
  'topics',
  'urlBytes',
  'headerBytes',
  'outboxBytes',
  'slowTimeout',
  /** A template's own: how many topics there may be at once. */
  'max',
  /** Races at once, and races that begin in a second. */
  'races',
  /** The size of a request's body. */
  'body',
  /** How slowly it may come. */
  'bodyPace',
] as const;

export type LimitName = (typeof LIMITS)[number];

/** Counts how often clients ran into each limit. */
export interface LimitHits {
  add(limit: LimitName): void;
  /** Counts what a client is told, where a limit is the reason. */
  note(error: unknown): void;
  /** From the start, each limit at least with 0. */
  readonly totals: ReadonlyMap<string, number>;
}

export function createLimitHits(): LimitHits {
  const totals = new Map<string, number>(LIMITS.map((limit) => [limit, 0]));

  // Whoever throws has the name; one that is not listed must not become a label of its own.
  function count(limit: string): void {
    const total = totals.get(limit);
    if (total !== undefined) totals.set(limit, total + 1);
  }

  return {
    totals,
    add: count,
    note(error) {
      if (error instanceof HeadwaterError && error.limit !== undefined) count(error.limit);
    },
  };
}
