import { performance } from 'node:perf_hooks';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { addSingle } from './families.js';

/** Made once: observers that cannot be stopped fill it, and would hold for ever what each server had of its own. */
let ofProcess: Registry | undefined;

/** Metrics of the process and its event loop, as text: the same for all servers in it. */
export async function processMetricsText(): Promise<string> {
  ofProcess ??= createRegistry();
  // Where nothing was measured since the scrape before, prom-client spells it in a way that the format does not know.
  return (await ofProcess.metrics()).replace(/ Nan$/gm, ' NaN');
}

function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addSingle(
    registry,
    'loop_active_seconds_total',
    'Time that the event loop was at work rather than waiting',
    () => performance.eventLoopUtilization().active / 1000,
  );
  return registry;
}
