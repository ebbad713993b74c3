import type { Clock } from '../async/clock.js';
import { parseQuota } from '../config/hosts.js';
import type { Config, SourceConfig } from '../config/schema.js';
import { fileSource } from '../source/file.js';
import { functionSource } from '../source/function.js';
import type { HostLimits } from '../source/host/hosts.js';
import type { HttpClient } from '../source/http/client.js';
import type { Conceal } from '../source/http/conceal.js';
import type { UrlStats } from '../source/readings.js';
import type { RedisLinks } from '../source/redis/links.js';
import { redisSource } from '../source/redis/redis.js';
import type { Source, SourcePlace } from '../source/source.js';
import { httpStrategy } from '../source/strategy/http-strategy.js';
import type { UrlTally } from '../source/strategy/strategy.js';
import { systemSource } from '../source/system/system.js';

type FetchConfig = NonNullable<SourceConfig['fetch']>;

/** Of an entry without a `batch`: the configuration has been refused where it has neither. */
export const fetchIn = (entry: SourceConfig): FetchConfig => entry.fetch!;

/** What sources reach their upstreams by. */
export interface Connections {
  client: HttpClient;
  links: RedisLinks;
  clock: Clock;
  /** Of the Redis that is meant where none is named. */
  redisUrl: string | undefined;
}

/** The source that an entry of the configuration fetches from. `tally`: where its URLs are counted; default: by itself. */
export function sourceOf(
  fetch: FetchConfig,
  place: SourcePlace,
  { client, links, clock, redisUrl }: Connections,
  tally?: UrlTally,
): Source {
  if (typeof fetch === 'function') return functionSource(fetch, place);
  if ('url' in fetch || 'urls' in fetch) {
    return httpStrategy(client, { ...fetch, retries: fetch.retries ?? retriesOf(fetch), tally }, clock);
  }
  if ('file' in fetch) return fileSource(fetch.file);
  // The configuration has been refused where neither names one.
  if ('redis' in fetch)
    return redisSource(links, { ...fetch.redis, url: fetch.redis.url ?? redisUrl! }, clock);
  return systemSource();
}

/** The counts of a template's URLs, each shown as it is written, without user, query and fragment. */
export function tallied(entry: SourceConfig, tally: UrlTally, conceal: Conceal): UrlStats[] {
  const fetch = fetchIn(entry);
  const single: [string, string][] = 'url' in fetch ? [['0', fetch.url]] : [];
  const urls = 'urls' in fetch ? Object.entries(fetch.urls) : single;
  return urls.flatMap(([name, url]) => {
    const counts = tally.get(name);
    const label = conceal(url.split(/[?#]/, 1)[0]!.replace(/\/\/[^/]*@/, '//'));
    return counts ? [{ name, label, ...counts }] : [];
  });
}

/** What all sources together may ask of each host. */
export function limitsOf(hosts: Config['hosts']): Record<string, HostLimits> {
  return Object.fromEntries(
    Object.entries(hosts).map(([name, { concurrency, budget }]) => [
      name,
      { concurrency, quotas: budget.map((text) => parseQuota(text)!) },
    ]),
  );
}

/** One lost packet must not make a topic stale; where another URL can step in, that is the better second try. */
function retriesOf({ strategy = 'single' }: { strategy?: string | undefined }): number {
  return strategy === 'single' || strategy === 'all' ? 1 : 0;
}

/** Of one fetch, where nothing says otherwise. */
const FETCH_TIMEOUT = 30_000;

/**
 * How long a fetch may take in all, in ms. Where requests wait for their turn, and where several URLs are asked one after the other, each may take its time
 * besides; a transform has its own.
 */
export function timeoutOf(entry: SourceConfig): number {
  const fetch = fetchIn(entry);
  const { transform } = entry;
  const fetching = 'timeout' in fetch ? (2 * urlsOf(fetch) + 1) * fetch.timeout : FETCH_TIMEOUT;
  return typeof transform === 'object' ? fetching + transform.timeout : fetching;
}

function urlsOf(fetch: Exclude<FetchConfig, (...args: never[]) => unknown>): number {
  return 'urls' in fetch ? Object.keys(fetch.urls).length : 1;
}
