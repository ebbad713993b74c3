import { hasParameters, parametersOf } from '../../shared/topic-pattern.js';
import type { Clock } from '../async/clock.js';
import type { Distribution } from '../async/distribution.js';
import { createTimerWheel } from '../async/timer-wheel.js';
import type { Config, SourceConfig } from '../config/schema.js';
import { pushes } from '../config/stream.js';
import { MAX_INSTANCES } from '../config/template.js';
import type { Logger } from '../observe/log.js';
import type { LoopWatch } from '../observe/loop-hold.js';
import { fetchedAt } from '../source/fetched-at.js';
import { createHttpClient } from '../source/http/client.js';
import type { Conceal } from '../source/http/conceal.js';
import type { BatchStats, HostReading, StreamCounts, TemplateCounts, UrlStats } from '../source/readings.js';
import type { RedisLinks } from '../source/redis/links.js';
import { type Refresher, startRefresher } from '../source/refresher.js';
import { createRefreshers, type Refreshers } from '../source/refreshers.js';
import type { Source } from '../source/source.js';
import type { UrlTally } from '../source/strategy/strategy.js';
import { fetchFill } from '../source/template/fill-fetch.js';
import type { InstanceStarter } from '../source/template/instance.js';
import { createInstances, type Template } from '../source/template/instances.js';
import type { Store, TopicWriter } from '../store/store.js';
import { batchOf } from './batch.js';
import { createFetchLog, type FetchLog } from './fetch-log.js';
import { createFollowers, pushSourceOf } from './push.js';
import type { Sinks } from './sinks.js';
import { type Connections, fetchIn, limitsOf, sourceOf, tallied, timeoutOf } from './source-of.js';
import { openServerTasks } from './tasks.js';
import type { Transforms } from './transforms.js';
import { unlessBroken } from './unless-broken.js';

/** The running sources of one server. */
export interface Sources {
  readonly refreshers: Refreshers;
  /** Of each entry with `{parameters}` in its topic. */
  templates(): TemplateCounts[];
  /** Of each entry with a `batch`. */
  batches(): (BatchStats & { topic: string })[];
  /** Fetches so far, over all sources. */
  counts(): { fetches: number; failures: number };
  /** How many milliseconds those took that have ended. */
  readonly fetchDurations: Readonly<Distribution>;
  /** How each URL fared, of the sources that ask several; of those with `{parameters}` over all topics. */
  urls(): (UrlStats & { topic: string })[];
  /** What became of the connections and messages of the sources that push. */
  streams(): StreamCounts;
  /** What is known of the hosts that they ask. */
  hosts(): HostReading[];
  /** Aborts every fetch and resolves when nothing of them is left. */
  close(): Promise<void>;
}

export interface SourcesContext {
  store: Store;
  clock: Clock;
  logger: Logger;
  links: RedisLinks;
  transforms: Transforms;
  sinks: Sinks;
  watch: LoopWatch;
  /** What is shown of the paths of URLs. */
  conceal: Conceal;
}

/** Starts one refresher for each configured source that has one topic, and makes the others ready to. Their topics must be declared already. */
export function startSources(
  config: Config,
  { store, clock, logger, links, transforms, sinks, watch, conceal }: SourcesContext,
): Sources {
  const client = createHttpClient({ clock, hosts: limitsOf(config.hosts), conceal });
  const tasks = openServerTasks(clock, watch);
  const timers = createTimerWheel(clock, { tick: tickFor(config) });
  const connections: Connections = { client, links, clock, redisUrl: config.redis?.url };
  const followers = createFollowers({ store, clock: timers, logger, transforms, tasks });

  function start(entry: SourceConfig, topic: TopicWriter, fetched: Source, log: FetchLog): Refresher {
    const { every, adaptive, maxAge, when, linger } = entry;
    const { name } = topic.view;
    return startRefresher({
      source: tasks.ofSource(transforms.after(fetched, entry, name), name),
      topic,
      // The configuration has been refused where there is none.
      every: every!,
      adaptive,
      maxAge,
      when,
      linger,
      timeout: timeoutOf(entry),
      fetchedAt: fetchedAt(topic.view, timers.now()),
      clock: timers,
      onError: log.failed,
      onSuccess: log.succeeded,
    });
  }

  function templateOf(entry: SourceConfig): Template {
    const { topic: pattern, parameters: rules = {}, max = MAX_INSTANCES } = entry;
    return {
      pattern,
      rules,
      max,
      ...starterOf(entry),
      load: (instance) => sinks.open(entry, instance),
      ended: sinks.end,
    };
  }

  function starterOf(entry: SourceConfig): InstanceStarter {
    const { topic: pattern, batch } = entry;
    if (batch) {
      const started = batchOf(entry, batch, { client, clock: timers, tasks, transforms, logger });
      batches.set(pattern, started.stats);
      return started;
    }
    const fetch = fetchIn(entry);
    const tally: UrlTally = new Map();
    tallies.set(entry, tally);
    const logOf = createFetchLog(timers, logger);
    const fetchOf = typeof fetch === 'function' ? () => fetch : fetchFill(fetch, parametersOf(pattern));
    return {
      start({ topic, parameters }) {
        const place = { topic: topic.view.name, parameters };
        if (pushes(entry)) {
          return followers.start(
            entry,
            topic,
            pushSourceOf(() => fetchOf(parameters), place, connections),
          );
        }
        const fetched = unlessBroken(pattern, () => sourceOf(fetchOf(parameters), place, connections, tally));
        return start(entry, topic, fetched, logOf(place.topic));
      },
      async close() {},
    };
  }

  const single = new Map<string, Refresher>();
  const sources = new Map<string, Source>();
  const batches = new Map<string, Readonly<BatchStats>>();
  const tallies = new Map<SourceConfig, UrlTally>();
  const templates: Template[] = [];
  for (const entry of config.sources) {
    const { topic } = entry;
    if (hasParameters(topic)) {
      templates.push(templateOf(entry));
      continue;
    }
    const place = { topic, parameters: {} };
    const writer = store.writer(topic)!;
    if (pushes(entry)) {
      const source = pushSourceOf(() => fetchIn(entry), place, connections);
      single.set(topic, followers.start(entry, writer, source));
      continue;
    }
    const fetched = sourceOf(fetchIn(entry), place, connections);
    sources.set(topic, fetched);
    single.set(topic, start(entry, writer, fetched, createFetchLog(timers, logger)(topic)));
  }
  const instances = createInstances(templates, store);
  return {
    refreshers: createRefreshers(single, instances),
    templates: instances.counts,
    batches: () => [...batches].map(([topic, stats]) => ({ topic, ...stats })),
    counts() {
      const sum = instances.fetches();
      for (const { state } of single.values()) {
        sum.fetches += state.fetches;
        sum.failures += state.failures;
      }
      for (const { requests, failures } of batches.values()) {
        sum.fetches += requests;
        sum.failures += failures;
      }
      return sum;
    },
    fetchDurations: tasks.fetchDurations,
    urls: () => [
      ...[...sources].flatMap(([topic, { stats }]) => stats?.().map((url) => ({ topic, ...url })) ?? []),
      ...[...tallies].flatMap(([entry, tally]) =>
        tallied(entry, tally, conceal).map((url) => ({ topic: entry.topic, ...url })),
      ),
    ],
    streams: followers.counts,
    hosts: client.hosts.readings,
    async close() {
      await Promise.all([...single.values()].map((refresher) => refresher.close()));
      await instances.close();
      await tasks.close();
      await client.close();
    },
  };
}

/** No timer should come late by more than a tenth of the shortest interval, nor wake the process more often than need be. */
function tickFor({ sources }: Config): number {
  const shortest = Math.min(...sources.map(({ every = Number.POSITIVE_INFINITY }) => every));
  return Math.max(1, Math.min(10, Math.floor(shortest / 10)));
}
