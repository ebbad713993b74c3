/** Running totals of the hub, for metrics. Only ever grow. */
export interface HubStats {
  /** Messages written to connections. */
  deliveries: number;
  /** Bytes of them. */
  bytes: number;
  /** Messages of topics encoded, in whatever format: live ones and those that bring a reader up to date. */
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
}

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
  };
}
