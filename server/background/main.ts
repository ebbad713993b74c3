/** What runs on the thread of a server in the background. */
import { parentPort, workerData } from 'node:worker_threads';
import { createHeadwater, type Headwater } from '../app/app.js';
import { loadConfig } from '../config/load.js';
import { createLogger } from '../observe/log.js';
import { CALLS } from './calls.js';
import { type BackgroundData, type FromBackground, packError, type ToBackground } from './messages.js';

// It is the entry of a worker thread, which has a parent.
const host = parentPort!;
const tell = (message: FromBackground) => host.postMessage(message);

async function start(): Promise<Headwater> {
  const { config } = workerData as BackgroundData;
  if (typeof config !== 'string') return await createHeadwater(config);
  const logger = createLogger({ level: 'warn', pretty: false });
  const loaded = await loadConfig({ file: config });
  for (const warning of loaded.warnings) logger.warn(warning);
  return await createHeadwater(loaded.config, { logger, variables: loaded.variables });
}

function serve(headwater: Headwater): void {
  const calls: Record<string, (headwater: Headwater, ...args: never[]) => unknown> = CALLS;
  host.on('message', (message: ToBackground) => {
    if (message.type === 'close') {
      // Without the port nothing is left to run, and the thread ends.
      void headwater.close().finally(() => host.close());
      return;
    }
    const { id, name, args } = message;
    try {
      tell({ type: 'result', id, value: calls[name]!(headwater, ...(args as never[])) });
    } catch (error) {
      tell({ type: 'failed', id, error: packError(error) });
    }
  });
  const { loop, listeners, config } = headwater;
  tell({ type: 'started', loop, listeners, drainTimeout: config.drainTimeout });
}

try {
  serve(await start());
} catch (error) {
  tell({ type: 'refused', error: packError(error) });
}
