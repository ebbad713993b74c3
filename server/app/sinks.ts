import type { Clock } from '../async/clock.js';
import type { Config, SourceConfig } from '../config/schema.js';
import type { Logger } from '../observe/log.js';
import type { RedisLinks } from '../source/redis/links.js';
import { redisSink } from '../source/redis/sink.js';
import { fileSink } from '../source/sink/file.js';
import { warmStart } from '../source/sink/load.js';
import type { Sink } from '../source/sink/sink.js';
import { type SinkWriter, startSinkWriter } from '../source/sink/writer.js';
import type { Store } from '../store/store.js';

/** Where the values of one server's sources go besides. */
export interface Sinks {
  /** Sums over all sinks; `failing`: how many of them are. */
  counts(): { writes: number; failures: number; dropped: number; failing: number };
  /** After the store has closed: writes what waits, within `limit` ms. */
  close(limit: number): Promise<void>;
}

/** Loads what the sinks have kept into the topics, then writes to them what the store flushes. Never rejects. */
export async function startSinks(
  config: Config,
  { store, clock, logger, links }: { store: Store; clock: Clock; logger: Logger; links: RedisLinks },
): Promise<Sinks> {
  const writers = new Map<string, SinkWriter[]>();
  const running: { topic: string; sink: Sink; writer: SinkWriter }[] = [];

  await Promise.all(
    config.sources.map(async (source) => {
      const { topic } = source;
      const sinks = source.sinks.map((sink) => sinkOf(sink, links, config.redis?.url));
      await warmStart({
        sinks,
        topic: store.writer(topic)!,
        clock,
        onLoaded: ({ label }, asOf) => logger.info({ topic, sink: label, asOf }, 'loaded what a sink kept'),
        onMissing: ({ label }) => logger.info({ topic, sink: label }, 'a sink has kept nothing yet'),
        onError: ({ label }, err) =>
          logger.warn({ topic, sink: label, err }, 'what a sink kept cannot be loaded'),
      });
      for (const sink of sinks) {
        const writer = startSinkWriter({
          sink,
          clock,
          onTurn(state, err) {
            const { label } = sink;
            if (err) logger.warn({ topic, sink: label, err }, 'a sink cannot be written to: trying again');
            else logger.info({ topic, sink: label, ...state }, 'a sink is written to again');
          },
        });
        running.push({ topic, sink, writer });
        writers.set(topic, [...(writers.get(topic) ?? []), writer]);
      }
    }),
  );
  // What was loaded is not written back.
  await store.flushed();
  store.onFlush((flushes) => {
    for (const { topic, change } of flushes) {
      if (!change || topic.value === undefined) continue;
      for (const writer of writers.get(topic.name) ?? []) {
        writer.offer({ value: topic.value, asOf: topic.asOf });
      }
    }
  });

  return {
    counts() {
      const sum = { writes: 0, failures: 0, dropped: 0, failing: 0 };
      for (const { writer } of running) {
        sum.writes += writer.state.writes;
        sum.failures += writer.state.failures;
        sum.dropped += writer.state.dropped;
        if (writer.state.failing !== undefined) sum.failing += 1;
      }
      return sum;
    },
    async close(limit) {
      await Promise.all(
        running.map(async ({ topic, sink, writer }) => {
          const left = await writer.close(limit);
          if (left > 0)
            logger.error({ topic, sink: sink.label, left }, 'the newest values did not reach a sink');
        }),
      );
    },
  };
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
