import { readdir, stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { addSingle } from './families.js';

const FILES = '/proc/self/fd';
/** Of prom-client's own: each goes through all sockets, which holds the event loop for several ms where there are 10,000. */
const SLOW = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'process_open_fds',
];

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
  const hasFiles = registry.getSingleMetric('process_open_fds') !== undefined;
  for (const name of SLOW) registry.removeSingleMetric(name);
  if (hasFiles) {
    new Gauge({
      name: 'process_open_fds',
      help: 'Number of open file descriptors.',
      registers: [registry],
      async collect() {
        this.set(await openFiles());
      },
    });
  }
  addSingle(
    registry,
    'loop_active_seconds_total',
    'Time that the event loop was at work rather than waiting',
    () => performance.eventLoopUtilization().active / 1000,
  );
  return registry;
}

async function openFiles(): Promise<number> {
  // Since Linux 6.2 the size of the folder says how many there are.
  const { size } = await stat(FILES);
  return size > 0 ? size : (await readdir(FILES)).length;
}
