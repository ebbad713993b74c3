import { fileURLToPath } from 'node:url';
import { HeadwaterError } from '../../shared/errors.js';
import type { TopicKind } from '../../shared/messages.js';
import { before } from '../async/before.js';
import { systemClock } from '../async/clock.js';
import { parseConfig } from '../config/parse.js';
import type { Config, ConfigInput } from '../config/schema.js';
import { type EdgeContext, VERSION } from '../edge/context.js';
import { createGatekeeper } from '../edge/gatekeeper.js';
import { createLimitHits } from '../edge/limit-hits.js';
import { createOriginCheck } from '../edge/origin.js';
import { loadPages } from '../edge/pages.js';
import { createPublishRight } from '../edge/publish-right.js';
import { createRaces } from '../edge/races.js';
import { createRoutes } from '../edge/routes.js';
import { startSweeper } from '../edge/sweeper.js';
import { createRate } from '../edge/token-bucket.js';
import { createHub } from '../hub/hub.js';
import type { WireFormat } from '../hub/wire.js';
import { currentLoopPolicy, resolveLoopPolicy } from '../loop/install.js';
import { libuv } from '../loop/libuv.js';
import { mountHttp } from '../loop/libuv-mount.js';
import type { DefectReporter, Listener, LoopPolicy } from '../loop/policy.js';
import { createLogger, forDefects, type Logger } from '../observe/log.js';
import { createMetrics } from '../observe/metrics.js';
import { openData } from './data.js';
import { type BoundListener, createListeners } from './listeners.js';
import { watchedHandlers, watchedStore } from './loop-watch.js';
import { type Measured, takeReadings } from './readings.js';
import { type TopicHandle, topicHandle } from './topic-handle.js';

/** How much of the past of a topic made by `topic()` or a source is kept. */
const HISTORY = { count: 256, bytes: 1024 * 1024 };
/** A WebSocket message beyond this many times `limits.messageBytes` closes at once instead of being told off. */
const HARD_LIMIT_FACTOR = 16;
const MESSAGE_BYTES_UNLIMITED = 64 * 1024 * 1024;
/** HTTP connections beside those that `limits.connections` counts: for requests that do not stay, and for saying so. */
const PASSING = 1_000;
/** Clients of a server that goes away come back within so many ms, and one more for each of them. */
const RECONNECT_SPREAD = 1_000;
/** The built pages, whether this runs built or from its sources. */
const PAGES = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/client-demo/' : '../../client-demo/',
  import.meta.url,
);

/** A running server. */
export interface Headwater extends AsyncDisposable {
  readonly config: Config;
  /** The loop policy it runs on. */
  readonly loop: string;
  readonly listeners: readonly BoundListener[];
  /**
   * The topic of that name; one that nothing declares is declared now, as `kind` (default `state`).
   * @throws {HeadwaterError} `config_invalid` for a bad name, `limit` for too many topics
   */
  topic(name: string, kind?: TopicKind): TopicHandle;
  /** The names of all topics made so far, in order of making. */
  topics(): string[];
  /**
   * Serves this server's routes on an application's own `node:http` server too, below `prefix` (`/live`); the
   * application keeps everything else. Whatever the loop policy, a mounted server runs on libuv. To close what is
   * returned gives the application's server back; `close()` does it too.
   * @throws {HeadwaterError} `closed` once this server closes
   */
  mount(server: Parameters<typeof mountHttp>[0], options?: { prefix?: string }): Listener;
  /**
   * Drains: takes nobody in, ends the sources, flushes what waits, tells clients when to come back, lets requests in
   * work finish within `drainTimeout`, then closes everything. Idempotent.
   */
  close(): Promise<void>;
}

export interface CreateOptions {
  /** Default: warnings and errors, as JSON on standard output. */
  logger?: Logger;
  /** Listen on the configured addresses. Default true; false for a server that is only mounted. */
  listen?: boolean;
  /** Secrets by name, as a configuration file has them of the environment: where the path of a URL has one, messages show `${NAME}`. */
  variables?: ReadonlyMap<string, string>;
}

/**
 * Starts a server: the store, the sources, the hub, the edges, on a loop policy (the configured one, or else the
 * installed one).
 * @throws {HeadwaterError} `config_invalid`, `loop_unavailable`, `state_locked`, `state_unavailable`, `port_in_use`, `listen_failed`; nothing is then left running
 */
export async function createHeadwater(input: ConfigInput, options: CreateOptions = {}): Promise<Headwater> {
  const config = parseConfig(input);
  const logger = options.logger ?? createLogger({ level: 'warn', pretty: false });
  const defects = forDefects(logger);
  const report: DefectReporter = (err, where) => defects.error({ err, where }, 'a defect');
  const policy = policyOf(config, logger);
  const clock = systemClock;

  const pages = loadPages(fileURLToPath(PAGES));

  const data = await openData(config, { clock, logger, variables: options.variables });
  const { store, sources, sinks, keeper } = data;
  const { limits } = config;
  const hub = createHub(watchedStore(store), {
    clock,
    outboxBytes: limits.outboxBytes,
    subscriptionsPerConnection: limits.subscriptionsPerConnection,
    onDemand: sources.refreshers.setDemand,
  });
  const limitHits = createLimitHits();
  const sweeper = startSweeper(hub, {
    clock,
    heartbeat: config.heartbeat,
    slowTimeout: limits.slowTimeout,
    onTooSlow: () => limitHits.add('slowTimeout'),
  });
  const gatekeeper = createGatekeeper(limits, clock);
  const publishRight = createPublishRight(config.auth.publish.tokens, limits.publishesPerSecond, clock);
  const races = createRaces({ store, hub, refreshers: sources.refreshers, clock });
  const listeners = createListeners(policy, report);
  const measured: Measured = {
    clock,
    store,
    hub,
    gatekeeper,
    limitHits,
    echo: () => listeners.echoConnections,
    sources,
    sinks,
    keeper,
  };
  const metrics = createMetrics(() => takeReadings(measured), {
    build: { version: VERSION, loop: policy.name },
    perTopic: config.metrics.perTopic,
  });
  const contextOn = (loop: LoopPolicy): EdgeContext => ({
    store,
    hub,
    refreshers: sources.refreshers,
    clock,
    limits,
    messageRate: createRate(limits.messagesPerSecond, clock),
    limitHits,
    heartbeat: config.heartbeat,
    publishRight,
    origins: createOriginCheck(config.http.origins),
    gatekeeper,
    races,
    webSocketFormat: webSocketFormatOf(loop),
    metrics: metrics.render,
    report,
  });
  const routesOn = (loop: LoopPolicy) => watchedHandlers(createRoutes(contextOn(loop), pages));
  const maxMessageBytes = limits.messageBytes * HARD_LIMIT_FACTOR || MESSAGE_BYTES_UNLIMITED;

  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    listeners.stop();
    const everyoneLeft = gatekeeper.shut();
    await data.stop();
    listeners.drain();
    const told = hub.drain(RECONNECT_SPREAD + hub.connections.size);
    await before(Promise.all([told, everyoneLeft]), config.drainTimeout);
    sweeper.close();
    await Promise.all([told, listeners.close()]);
    await data.close();
  }

  const headwater: Headwater = {
    config,
    loop: policy.name,
    listeners: listeners.bound,
    topic(name, kind = 'state') {
      if (!store.open(name)) store.declare({ topic: name, kind, history: HISTORY, served: false });
      store.keep(name);
      return topicHandle(store.writer(name)!, hub, report);
    },
    topics: () => [...store.topics()].map(({ name }) => name),
    mount(server, { prefix = '' } = {}) {
      if (closing) {
        throw new HeadwaterError(
          'closed',
          `nothing is mounted at "${prefix}": this server was closed, make another`,
        );
      }
      const mountOptions = { prefix, maxMessageBytes, slowTimeout: limits.slowTimeout, onDefect: report };
      return listeners.add(mountHttp(server, mountOptions, routesOn(libuv())));
    },
    close() {
      closing ??= close();
      return closing;
    },
    [Symbol.asyncDispose]: () => headwater.close(),
  };

  try {
    if (options.listen ?? true) {
      const race = { races, gatekeeper, limitHits, report };
      const bounds = {
        maxMessageBytes,
        ...(limits.connections > 0 ? { maxConnections: limits.connections + PASSING } : {}),
        onRefused: () => limitHits.add('sockets'),
        heartbeat: config.heartbeat,
        slowTimeout: limits.slowTimeout,
      };
      const echo = {
        maxConnections: limits.connections,
        onRefused: () => limitHits.add('connections'),
      };
      await listeners.open(config, { handlers: routesOn(policy), bounds, echo, race });
    }
  } catch (error) {
    await headwater.close();
    throw error;
  }
  return headwater;
}

function policyOf({ loop }: Config, logger: Logger): LoopPolicy {
  if (!loop) return currentLoopPolicy();
  return resolveLoopPolicy(loop, {
    onFallback: (reason) =>
      logger.warn({ reason: reason.message }, 'the uws loop cannot be loaded: running on libuv'),
  });
}

function webSocketFormatOf(loop: LoopPolicy): WireFormat {
  return {
    encode(parts) {
      const [only] = parts;
      return loop.prepareText(
        parts.length === 1 ? only!.text : `[${parts.map((part) => part.text).join(',')}]`,
      );
    },
  };
}
