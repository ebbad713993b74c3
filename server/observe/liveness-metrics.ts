import type { Registry } from 'prom-client';
import { addFamily, addSingle, quantileSamples, type Sample } from './families.js';

/** The connections of this moment; times are milliseconds, in any order. */
export interface LivenessReading {
  /** Since each was admitted, by transport. */
  ages: Readonly<Record<string, number[]>>;
  /** Since the last sign of life of each, by transport. */
  silences: Readonly<Record<string, number[]>>;
  /** Written to all of them and not taken by the kernel. */
  outboxBytes: number;
  /** How many have a full outbox. */
  congested: number;
}

/** Of a transport that nobody uses it tells nothing. */
export function addLivenessMetrics(registry: Registry, read: () => LivenessReading): void {
  const labels = ['transport', 'quantile'];
  addFamily(registry, 'connection_age_seconds', 'How old the connections of now are', labels, () =>
    quantilesOf(read().ages),
  );
  addFamily(
    registry,
    'connection_silence_seconds',
    'Time since the last sign of life of the connections of now',
    labels,
    () => quantilesOf(read().silences),
  );
  addSingle(
    registry,
    'outbox_bytes',
    'Bytes written to all connections that the kernel has not taken',
    () => read().outboxBytes,
  );
  addSingle(registry, 'congested_connections', 'Connections whose outbox is full', () => read().congested);
}

function quantilesOf(byTransport: LivenessReading['ages']): Sample[] {
  return Object.entries(byTransport).flatMap(([transport, times]) => quantileSamples(times, { transport }));
}
