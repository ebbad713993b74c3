import type { Json } from '../../shared/json.js';
import { hasParameters, parametersOf } from '../../shared/topic-pattern.js';
import type { Clock } from '../async/clock.js';
import type { Config, SourceConfig } from '../config/schema.js';
import type { Logger } from '../observe/log.js';
import type { SinkCounts } from '../source/readings.js';
import type { RedisLinks } from '../source/redis/links.js';
import { redisSink } from '../source/redis/sink.js';
import { fileSink } from '../source/sink/file.js';
import { warmStart } from '../source/sink/load.js';
import type { Sink } from '../source/sink/sink.js';
import { type SinkWriter, startSinkWriter } from '../source/sink/writer.js';
import { fetchFill } from '../source/template/fill-fetch.js';
import type { TemplateInstance } from '../source/template/instance.js';
import type { Store, TopicWriter } from '../store/store.js';

/** Where the values of one server's sources go besides. */
export interface Sinks {
  /** Sums over all sinks; `failing`: how many of them are. */
  counts(): SinkCounts;
  /**
   * Opens those of a template's instance: what its topic gets goes to them from now on. Resolves when what they have kept
   * is loaded, unless the source was faster. Never rejects; `undefined` where there are none.
   */
  open(source: SourceConfig, instance: TemplateInstance): Promise<void> | undefined;
  /** The instance of a topic has ended: what waits is still written. */
  end(topic: string): void;
  /** After the store has closed: writes what waits, within `limit` ms. */
  close(limit: number): Promise<void>;
}

/** The sinks of one topic. */
interface Outlet {
  readonly writers: readonly { sink: Sink; writer: SinkWriter }[];
  /** What they have kept from before, which is not written back. */
  kept: Json | undefined;
}

/** What waits for the sinks of an instance that has ended has so many ms to get there. */
const ENDING = 2_000;

/** Loads what the sinks have kept into the topics, then writes to them what the store flushes. Never rejects. */
export async function startSinks(
  config: Config,
  { store, clock, logger, links }: { store: Store; clock: Clock; logger: Logger; links: RedisLinks },
): Promise<Sinks> {
  const outlets = new Map<string, Outlet>();
  /** By the topic; one that comes back meanwhile waits, so that no older value is written over a newer one. */
  const ending = new Map<string, Promise<unknown>>();
  const past: SinkCounts = { writes: 0, failures: 0, dropped: 0, failing: 0 };

  function begin(topic: string, sinks: readonly Sink[], after?: Promise<unknown>): Outlet {
    const writers = sinks.map((sink) => {
      const { label } = sink;
      const writer = startSinkWriter({
        sink,
        clock,
        after,
        onTurn(state, err) {
          if (err) logger.warn({ topic, sink: label, err }, 'a sink cannot be written to: trying again');
          else logger.info({ topic, sink: label, ...state }, 'a sink is written to again');
        },
      });
      return { sink, writer };
    });
    const outlet: Outlet = { writers, kept: undefined };
    outlets.set(topic, outlet);
    return outlet;
  }

  /** `anyway`: whatever the topic holds; otherwise only where its source was not faster. */
  async function load(topic: TopicWriter, outlet: Outlet, anyway: boolean): Promise<void> {
    const { name } = topic.view;
    await warmStart({
      sinks: outlet.writers.map(({ sink }) => sink),
      topic: {
        set(value, asOf) {
          if (!anyway && topic.latest !== undefined) return;
          outlet.kept = value;
          topic.set(value, asOf);
        },
        fail: (reason) => outlet.kept !== undefined && topic.fail(reason),
      },
      clock,
      onLoaded: ({ label }, asOf) =>
        logger.info({ topic: name, sink: label, asOf }, 'loaded what a sink kept'),
      onMissing: ({ label }) => logger.info({ topic: name, sink: label }, 'a sink has kept nothing yet'),
      onError: ({ label }, err) =>
        logger.warn({ topic: name, sink: label, err }, 'what a sink kept cannot be loaded'),
    });
  }

  async function finish(topic: string, { writers }: Outlet, limit: number): Promise<void> {
    await Promise.all(
      writers.map(async ({ sink, writer }) => {
        const left = await writer.close(limit);
        if (left > 0)
          logger.error({ topic, sink: sink.label, left }, 'the newest values did not reach a sink');
      }),
    );
  }

  await Promise.all(
    config.sources.map(async ({ topic, sinks }) => {
      if (hasParameters(topic) || sinks.length === 0) return;
      const writer = store.writer(topic)!;
      const outlet = begin(
        topic,
        sinks.map((sink) => sinkOf(sink, links, config.redis?.url)),
      );
      // What the state directory kept is what clients hold.
      if (writer.view.version === 0) await load(writer, outlet, true);
    }),
  );
  await store.flushed();
  store.onFlush((flushes) => {
    for (const { topic, change } of flushes) {
      const outlet = change && outlets.get(topic.name);
      if (!outlet || topic.value === undefined || topic.value === outlet.kept) continue;
      for (const { writer } of outlet.writers) writer.offer({ value: topic.value, asOf: topic.asOf });
    }
  });

  return {
    counts() {
      const sum = { ...past };
      for (const outlet of outlets.values()) addCounts(sum, outlet);
      return sum;
    },
    open({ topic: pattern, sinks }, { topic, parameters }) {
      if (sinks.length === 0) return undefined;
      const names = parametersOf(pattern);
      const own = sinks.map((sink) => sinkOf(fetchFill(sink, names)(parameters), links, config.redis?.url));
      const before = ending.get(topic.view.name);
      const outlet = begin(topic.view.name, own, before);
      return before ? before.then(() => load(topic, outlet, false)) : load(topic, outlet, false);
    },
    end(topic) {
      const outlet = outlets.get(topic);
      if (!outlet) return;
      outlets.delete(topic);
      const done = Promise.all([ending.get(topic), finish(topic, outlet, ENDING)]).then(() => {
        addCounts(past, outlet);
        if (ending.get(topic) === done) ending.delete(topic);
      });
      ending.set(topic, done);
    },
    async close(limit) {
      await Promise.all([
        ...[...outlets].map(([topic, outlet]) => finish(topic, outlet, limit)),
        ...ending.values(),
      ]);
    },
  };
}

function addCounts(sum: SinkCounts, { writers }: Outlet): void {
  for (const { writer } of writers) {
    sum.writes += writer.state.writes;
    sum.failures += writer.state.failures;
    sum.dropped += writer.state.dropped;
    if (writer.state.failing !== undefined) sum.failing += 1;
  }
}

function sinkOf(
  { file, redis }: SourceConfig['sinks'][number],
  links: RedisLinks,
  redisUrl: string | undefined,
): Sink {
  if (file !== undefined) return fileSink(file);
  // The configuration has been refused where it names neither, or no URL.
  return redisSink(links, { ...redis, url: redis!.url ?? redisUrl! });
}
