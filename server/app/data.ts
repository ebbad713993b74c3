import type { Clock } from '../async/clock.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../observe/log.js';
import { watchLoop } from '../observe/loop-hold.js';
import { concealing } from '../source/http/conceal.js';
import { openRedisLinks } from '../source/redis/links.js';
import type { Keeper } from '../store/durable/keeper.js';
import { createStore, type Store } from '../store/store.js';
import { type Sinks, startSinks } from './sinks.js';
import { type Sources, startSources } from './sources.js';
import { openState } from './state.js';
import { startTransforms } from './transforms.js';

/** What waits for a sink when the server stops has so many ms to get there. */
const SINK_TIMEOUT = 2_000;
/** Bringing the state to its disk when the server stops may take so many ms. */
const STATE_TIMEOUT = 5_000;

/** The topics of one server, and all that fills and keeps them. */
export interface Data {
  readonly store: Store;
  readonly sources: Sources;
  readonly sinks: Sinks;
  /** `undefined`: the topics are kept in memory only. */
  readonly keeper: Keeper | undefined;
  /** Calls off every fetch and takes no more commits; what was committed is then on its way to sinks and disk. */
  stop(): Promise<void>;
  /** After `stop`: resolves when that has got there, or its time is up, and nothing is left. */
  close(): Promise<void>;
}

/**
 * Opens what is kept, loads what sinks have, and starts the sources.
 * @throws {HeadwaterError} `config_invalid`, `limit`, `state_locked`, `state_unavailable`; nothing is then left running
 */
export async function openData(
  config: Config,
  {
    clock,
    logger,
    variables = new Map(),
  }: { clock: Clock; logger: Logger; variables?: ReadonlyMap<string, string> | undefined },
): Promise<Data> {
  const { drainTimeout } = config;
  /** How to take down what is open so far, in reverse. */
  const opened: (() => unknown)[] = [];
  try {
    const transforms = await startTransforms(config, clock);
    opened.push(transforms.close);
    const keeper = await openState(config, { clock, logger });
    if (keeper) opened.push(() => keeper.close(STATE_TIMEOUT));
    const store = createStore({
      clock,
      flush: config.flush,
      maxTopics: config.limits.topics,
      recall: keeper?.recall,
    });
    opened.push(store.close);
    // Before anybody else hears of a flush: what a client knows is kept.
    if (keeper) store.onFlush(keeper.write);
    declareTopics(store, config);
    if (keeper) {
      store.revive(keeper.unclaimed());
      await keeper.begin(store.topics);
    }
    const links = openRedisLinks();
    opened.push(links.close);
    const sinks = await startSinks(config, { store, clock, logger, links });
    opened.push(() => sinks.close(SINK_TIMEOUT));
    const watch = watchLoop(logger);
    opened.push(watch.close);
    const conceal = concealing(variables);
    const sources = startSources(config, { store, clock, logger, links, watch, transforms, sinks, conceal });

    let settled: Promise<unknown> = Promise.resolve();
    return {
      store,
      sources,
      sinks,
      keeper,
      async stop() {
        await sources.close();
        await transforms.close();
        store.close();
        settled = Promise.all([
          sinks.close(Math.min(drainTimeout, SINK_TIMEOUT)),
          keeper?.close(Math.min(drainTimeout, STATE_TIMEOUT)),
        ]);
      },
      async close() {
        await settled;
        await links.close();
        watch.close();
      },
    };
  } catch (error) {
    for (const takeDown of opened.toReversed()) await takeDown();
    throw error;
  }
}

function declareTopics(store: Store, { topics, sources }: Config): void {
  for (const { topic, kind, history } of topics) store.declare({ topic, kind, history, served: false });
  for (const { topic, parameters, kind, history } of sources)
    store.declare({ topic, parameters, kind, history, served: true });
}
