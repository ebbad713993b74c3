import type { Clock } from '../../async/clock.js';
import type { HostCounts } from '../readings.js';
import { createGate, type Gate, type GateOptions } from './gate.js';

/** What all sources of one server share about a host. */
export interface Host {
  readonly name: string;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly counts: HostCounts;
  /** Counts one more source that is fetched at intervals, until `signal` aborts. */
  enlist(signal: AbortSignal): void;
  /**
   * The shortest interval, in ms, at which all enlisted sources can be fetched within what is left of every quota; at
   * least what is left of a pause. 0: any.
   */
  affordable(): number;
  /** Calls `well` when the host, after its circuit was open, is well again, until `signal` aborts. */
  onRecovery(well: () => void, signal: AbortSignal): void;
  recovered(): void;
}

export function createHost(options: GateOptions): Host {
  const { name, clock } = options;
  const gate = createGate(options);
  const listeners = new Set<() => void>();
  let enlisted = 0;

  return {
    name,
    clock,
    gate,
    counts: {
      requests: { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, failed: 0, timeout: 0, aborted: 0 },
      refusals: 0,
      retries: 0,
      pauses: 0,
    },
    enlist(signal) {
      if (signal.aborted) return;
      enlisted += 1;
      signal.addEventListener('abort', () => (enlisted -= 1), { once: true });
    },
    affordable() {
      const now = clock.elapsed();
      const sharers = Math.max(1, enlisted);
      return Math.max(gate.paused, ...gate.meters.map((meter) => meter.interval(sharers, now)));
    },
    onRecovery(well, signal) {
      if (signal.aborted) return;
      listeners.add(well);
      signal.addEventListener('abort', () => listeners.delete(well), { once: true });
    },
    recovered() {
      for (const well of [...listeners]) well();
    },
  };
}
