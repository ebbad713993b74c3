import { createDistribution, type Distribution } from '../async/distribution.js';

/** Running totals of the hub, for metrics. Only ever grow. */
export interface HubStats {
  /** Messages given to connections, each once a connection however many leave in one write. */
  deliveries: number;
  /** Bytes of them as JSON text in UTF-8, without what a transport puts around it. */
  bytes: number;
  /** Times messages of topics were encoded, in whatever format: live ones and those that bring a reader up to date. */
  encodings: number;
  /** Times a reader was brought up to date in one step after its outbox had been full. */
  conflations: number;
  /** Times a reader was told of lost events. */
  gaps: number;
  /** Times a connection's outbox became full. */
  congestions: number;
  /** Connections dropped for reading too slowly, or for showing no sign of life. */
  drops: number;
  flushes: number;
  /** Milliseconds spent delivering flushes. */
  flushTime: number;
  /** How many milliseconds each of them took. */
  readonly flushDurations: Distribution;
}

/** In ms: a flush beyond the last one is told as what holds the event loop. */
const FLUSH_DURATIONS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100];

export function createStats(): HubStats {
  return {
    deliveries: 0,
    bytes: 0,
    encodings: 0,
    conflations: 0,
    gaps: 0,
    congestions: 0,
    drops: 0,
    flushes: 0,
    flushTime: 0,
    flushDurations: createDistribution(FLUSH_DURATIONS),
  };
}
