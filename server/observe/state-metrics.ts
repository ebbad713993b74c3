import type { Registry } from 'prom-client';
import { addSingle } from './families.js';

/** How the keeping of the state fares. Totals only ever grow; times are milliseconds. */
export interface StateReading {
  bytes: number;
  writes: number;
  writeTime: number;
  rewrites: number;
  failures: number;
  failing: boolean;
}

export function addStateMetrics(registry: Registry, read: () => StateReading): void {
  function single(name: string, help: string, value: (reading: StateReading) => number): void {
    addSingle(registry, `state_${name}`, help, () => value(read()));
  }

  single('bytes', 'Size of the journal that topics are kept in', ({ bytes }) => bytes);
  single('writes_total', 'Flushes written to the journal', ({ writes }) => writes);
  single('write_seconds_total', 'Time spent on that', ({ writeTime }) => writeTime / 1000);
  single('rewrites_total', 'Times the journal was made anew', ({ rewrites }) => rewrites);
  single('failures_total', 'Failures to keep the state', ({ failures }) => failures);
  single('failing', '1 while the state cannot be kept', ({ failing }) => (failing ? 1 : 0));
}
