import type { Clock } from './async/clock.js';
import type { Config, SourceConfig } from './config/schema.js';
import type { Logger } from './observe/log.js';
import { fileSource } from './source/file.js';
import { functionSource } from './source/function.js';
import { httpSource } from './source/http.js';
import { createHttpClient, type HttpClient } from './source/http-client.js';
import { redisSource } from './source/redis.js';
import type { RedisLinks } from './source/redis-links.js';
import { type Refresher, startRefresher } from './source/refresher.js';
import type { Source } from './source/source.js';
import { systemSource } from './source/system.js';
import type { Store } from './store/store.js';

/** The running sources of one server. */
export interface Sources {
  readonly refreshers: ReadonlyMap<string, Refresher>;
  /** Fetches so far, over all sources. */
  counts(): { fetches: number; failures: number };
  /** Aborts every fetch and resolves when nothing of them is left. */
  close(): Promise<void>;
}

/** Starts one refresher for each configured source. Their topics must be declared already. */
export function startSources(
  config: Config,
  { store, clock, logger, links }: { store: Store; clock: Clock; logger: Logger; links: RedisLinks },
): Sources {
  const client = createHttpClient();
  const refreshers = new Map<string, Refresher>();
  for (const { topic, every, when, fetch } of config.sources) {
    const refresher = startRefresher({
      source: sourceOf(fetch, { client, links, redisUrl: config.redis?.url }),
      topic: store.writer(topic)!,
      every,
      when,
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
    async close() {
      await Promise.all([...refreshers.values()].map((refresher) => refresher.close()));
      await client.close();
    },
  };
}

interface Connections {
  client: HttpClient;
  links: RedisLinks;
  /** Of the Redis that is meant where none is named. */
  redisUrl: string | undefined;
}

function sourceOf(fetch: SourceConfig['fetch'], { client, links, redisUrl }: Connections): Source {
  if (typeof fetch === 'function') return functionSource(fetch);
  if ('url' in fetch) return httpSource(client, fetch);
  if ('file' in fetch) return fileSource(fetch.file);
  // The configuration has been refused where neither names one.
  if ('redis' in fetch) return redisSource(links, { ...fetch.redis, url: fetch.redis.url ?? redisUrl! });
  return systemSource();
}
