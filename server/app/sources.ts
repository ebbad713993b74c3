import type { Clock } from '../async/clock.js';
import type { Config, SourceConfig } from '../config/schema.js';
import type { Logger } from '../observe/log.js';
import type { LoopWatch } from '../observe/loop-hold.js';
import { fileSource } from '../source/file.js';
import { functionSource } from '../source/function.js';
import { createHttpClient, type HttpClient } from '../source/http/client.js';
import type { RedisLinks } from '../source/redis/links.js';
import { redisSource } from '../source/redis/redis.js';
import { type Refresher, startRefresher } from '../source/refresher.js';
import type { Source, UrlStats } from '../source/source.js';
import { httpStrategy } from '../source/strategy/http-strategy.js';
import { systemSource } from '../source/system/system.js';
import type { Store } from '../store/store.js';
import { openServerTasks } from './tasks.js';
import type { Transforms } from './transforms.js';

/** The running sources of one server. */
export interface Sources {
  readonly refreshers: ReadonlyMap<string, Refresher>;
  /** Fetches so far, over all sources. */
  counts(): { fetches: number; failures: number };
  /** How each URL fared, of the sources that ask several. */
  urls(): (UrlStats & { topic: string })[];
  /** Aborts every fetch and resolves when nothing of them is left. */
  close(): Promise<void>;
}

export interface SourcesContext {
  store: Store;
  clock: Clock;
  logger: Logger;
  links: RedisLinks;
  transforms: Transforms;
  watch: LoopWatch;
}

/** Starts one refresher for each configured source. Their topics must be declared already. */
export function startSources(
  config: Config,
  { store, clock, logger, links, transforms, watch }: SourcesContext,
): Sources {
  const client = createHttpClient();
  const tasks = openServerTasks(clock, watch);
  const refreshers = new Map<string, Refresher>();
  const sources = new Map<string, Source>();
  for (const entry of config.sources) {
    const { topic, every, adaptive, maxAge, when, fetch } = entry;
    const fetched = sourceOf(fetch, { client, links, clock, redisUrl: config.redis?.url });
    const source = tasks.ofSource(transforms.after(fetched, entry), topic);
    sources.set(topic, fetched);
    const refresher = startRefresher({
      source,
      topic: store.writer(topic)!,
      every,
      adaptive,
      maxAge,
      when,
      timeout: timeoutOf(entry),
      clock,
      onError: (error) => logger.warn({ topic, err: error }, 'a fetch failed'),
    });
    refreshers.set(topic, refresher);
  }
  return {
    refreshers,
    counts() {
      let fetches = 0;
      let failures = 0;
      for (const { state } of refreshers.values()) {
        fetches += state.fetches;
        failures += state.failures;
      }
      return { fetches, failures };
    },
    urls: () =>
      [...sources].flatMap(([topic, { stats }]) => stats?.().map((url) => ({ topic, ...url })) ?? []),
    async close() {
      await Promise.all([...refreshers.values()].map((refresher) => refresher.close()));
      await tasks.close();
      await client.close();
    },
  };
}

interface Connections {
  client: HttpClient;
  links: RedisLinks;
  clock: Clock;
  /** Of the Redis that is meant where none is named. */
  redisUrl: string | undefined;
}

function sourceOf(fetch: SourceConfig['fetch'], { client, links, clock, redisUrl }: Connections): Source {
  if (typeof fetch === 'function') return functionSource(fetch);
  if ('url' in fetch || 'urls' in fetch) return httpStrategy(client, fetch, clock);
  if ('file' in fetch) return fileSource(fetch.file);
  // The configuration has been refused where neither names one.
  if ('redis' in fetch) return redisSource(links, { ...fetch.redis, url: fetch.redis.url ?? redisUrl! });
  return systemSource();
}

/** Of one fetch, where nothing says otherwise. */
const FETCH_TIMEOUT = 30_000;

/** Several URLs that are asked one after the other may each take their time, and a transform has its own. */
function timeoutOf({ fetch, transform }: SourceConfig): number {
  const fetching = 'urls' in fetch ? (Object.keys(fetch.urls).length + 1) * fetch.timeout : FETCH_TIMEOUT;
  return typeof transform === 'object' ? fetching + transform.timeout : fetching;
}
