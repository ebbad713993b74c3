import { HeadwaterError } from '../../shared/errors.js';
import { createHeadwater, type Headwater } from '../app/app.js';
import { findBrokenTransforms } from '../app/transforms.js';
import type { Override } from '../config/environment.js';
import { type LoadedConfig, loadConfig } from '../config/load.js';
import { createLogger, type Logger } from '../observe/log.js';
import { announce } from './announce.js';
import type { ExitCode } from './exit.js';

export interface ServeFlags {
  config?: string;
  loop?: string;
  host?: string;
  port?: string;
  echoPort?: string;
}

/** How much longer than `drainTimeout` an orderly end may take before the process is ended anyway. */
const GRACE_MS = 1000;

/** Serves until a signal says to stop, and then until everything is closed. */
export async function serve(flags: ServeFlags): Promise<ExitCode> {
  const logger = createLogger();
  process.on('uncaughtException', (error, origin) => {
    logger.fatal({ err: error, origin }, 'a defect ended the server');
    process.exit(1);
  });
  // Before anything is opened, so that a stop during the start is an orderly one too.
  const stopped = stopSignal(logger);

  const loaded = await loadConfig({
    file: flags.config,
    flags: overridesOf(flags),
    tryOut: findBrokenTransforms,
  });
  for (const warning of loaded.warnings) logger.warn(warning);
  const headwater = await start(loaded, logger);
  announce(headwater.listeners, loaded, logger);

  const signal = await stopped;
  return stop(headwater, loaded.config.drainTimeout, signal, logger);
}

function overridesOf(flags: ServeFlags): Override[] {
  const all = [
    { path: ['loop'], value: flags.loop, setBy: '--loop' },
    { path: ['http', 'host'], value: flags.host, setBy: '--host' },
    { path: ['http', 'port'], value: flags.port, setBy: '--port' },
    { path: ['tcp', 'echo', 'port'], value: flags.echoPort, setBy: '--echo-port' },
  ];
  return all.filter(({ value }) => value !== undefined);
}

async function start(loaded: LoadedConfig, logger: Logger): Promise<Headwater> {
  try {
    return await createHeadwater(loaded.config, { logger, variables: loaded.variables });
  } catch (error) {
    if (!(error instanceof HeadwaterError) || error.code !== 'port_in_use') throw error;
    const advice =
      'choose another with --port or --echo-port, or with http.port or tcp.echo.port in the configuration';
    throw new HeadwaterError('port_in_use', `${error.message}\n  ${advice}`, { cause: error });
  }
}

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process. */
function stopSignal(logger: Logger): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (seen) {
        logger.warn({ signal }, 'stopped at once');
        process.exit(1);
      }
      seen = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function stop(
  headwater: Headwater,
  drainTimeout: number,
  signal: NodeJS.Signals,
  logger: Logger,
): Promise<ExitCode> {
  logger.info({ signal, drainTimeout }, 'draining');
  const overdue = setTimeout(() => {
    logger.error('did not close in time, ended anyway');
    process.exit(1);
  }, drainTimeout + GRACE_MS);
  await headwater.close();
  clearTimeout(overdue);
  logger.info('closed');
  return 0;
}
