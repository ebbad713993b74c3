import { performance } from 'node:perf_hooks';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { addSingle } from './families.js';

let registry: Registry | undefined;

/**
 * Metrics of the process and its event loop, the same for all servers in it. Made once: prom-client's watch of the loop
 * has no end, so that each server with one of its own would leave it behind.
 */
export function processMetrics(): Registry {
  if (registry) return registry;
  registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addSingle(
    registry,
    'loop_active_seconds_total',
    'Time that the event loop was at work rather than waiting',
    () => performance.eventLoopUtilization().active / 1000,
  );
  return registry;
}
