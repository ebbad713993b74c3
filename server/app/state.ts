import type { Clock } from '../async/clock.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../observe/log.js';
import { type Keeper, type KeeperState, openKeeper } from '../store/durable/keeper.js';

/**
 * Opens the folder that one server's topics are kept in; `undefined` where none is configured.
 * @throws {HeadwaterError} `state_locked`, `state_unavailable`
 */
export async function openState(
  { state }: Config,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<Keeper | undefined> {
  if (!state) return undefined;
  const { dir } = state;
  const keeper = await openKeeper(dir, {
    clock,
    onTurn({ failing, bytes }, err) {
      if (failing === undefined) logger.info({ dir, bytes }, 'the state is kept again');
      else logger.error({ dir, err, failing }, 'the state cannot be kept: serving without, trying again');
    },
    onDropped: (topics) =>
      logger.info({ dir, topics }, 'the state of topics that nobody asked for is dropped'),
  });
  const { doubt, damaged } = keeper.loaded;
  const topics = keeper.unclaimed().length;
  if (doubt === undefined) logger.info({ dir, topics }, 'loaded the state');
  else
    logger.warn(
      { dir, topics, doubt, damaged },
      'the state is not sure to be complete: topics begin new epochs',
    );
  return keeper;
}

const NOTHING: Readonly<KeeperState> = {
  bytes: 0,
  writes: 0,
  writeTime: 0,
  rewrites: 0,
  failures: 0,
  failing: undefined,
};

/** What keeping did, for the metrics. */
export function stateReading(keeper: Keeper | undefined) {
  const { failing, ...counts } = keeper?.state ?? NOTHING;
  return { ...counts, failing: failing !== undefined };
}
