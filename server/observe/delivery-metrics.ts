import type { Registry } from 'prom-client';
import type { Distribution } from '../async/distribution.js';
import { addFamily, addSingle } from './families.js';

/** Who is connected. */
export interface ConnectionsReading {
  /** Of those that the limits count. */
  inside: number;
  byTransport: Readonly<Record<string, number>>;
}

/** What the hub did so far. Totals only ever grow; times are milliseconds. */
export interface DeliveryReading {
  deliveries: number;
  bytes: number;
  encodings: number;
  conflations: number;
  gaps: number;
  congestions: number;
  drops: number;
  flushes: number;
  flushTime: number;
  flushDurations: Readonly<Distribution>;
}

export function addConnectionMetrics(
  registry: Registry,
  read: () => { connections: ConnectionsReading; limitHits: ReadonlyMap<string, number> },
): void {
  addSingle(
    registry,
    'connections',
    'Connections that stay: WebSocket, SSE, waiting long-polls and races over TCP',
    () => read().connections.inside,
  );
  addFamily(
    registry,
    'transport_connections',
    'Connections by how they came; those of the TCP echo, too',
    ['transport'],
    () =>
      Object.entries(read().connections.byTransport).map(
        ([transport, open]) => [open, { transport }] as const,
      ),
  );
  addFamily(
    registry,
    'limit_hits_total',
    'Times clients ran into a limit, by its name in the configuration',
    ['limit'],
    () => [...read().limitHits].map(([limit, total]) => [total, { limit }] as const),
  );
}

export function addDeliveryMetrics(registry: Registry, read: () => DeliveryReading): void {
  function total(name: string, help: string, value: (reading: DeliveryReading) => number): void {
    addSingle(registry, `${name}_total`, help, () => value(read()));
  }

  total('deliveries', 'Messages written to connections', (hub) => hub.deliveries);
  total(
    'delivered_bytes',
    'Bytes of the messages written to connections, without frames',
    (hub) => hub.bytes,
  );
  total('encodings', 'Messages encoded for a flush', (hub) => hub.encodings);
  total('conflations', 'Readings caught up in one step after an outbox was full', (hub) => hub.conflations);
  total('gaps', 'Times a reader was told of lost events', (hub) => hub.gaps);
  total('congestions', 'Times an outbox became full', (hub) => hub.congestions);
  total('drops', 'Connections dropped for reading too slowly or showing no sign of life', (hub) => hub.drops);
  total('flushes', 'Flushes delivered', (hub) => hub.flushes);
  total('flush_seconds', 'Time spent delivering flushes', (hub) => hub.flushTime / 1000);
}
