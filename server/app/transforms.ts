import type { Clock } from '../async/clock.js';
import type { Finding } from '../config/findings.js';
import type { Config, SourceConfig } from '../config/schema.js';
import type { RecordTransform } from '../source/batch/context.js';
import type { Source } from '../source/source.js';
import type { FollowerOptions } from '../source/stream/follower.js';
import {
  startTransform,
  TransformLoadError,
  type TransformRunner,
  transformedSource,
} from '../source/transform/transform.js';

/** The transforms of one server, loaded and ready. */
export interface Transforms {
  /** The source of a topic of one entry of the configuration, with its transform after it. */
  after(source: Source, config: SourceConfig, topic: string): Source;
  /** What makes the values of an entry of its records; `undefined` where these are the values. */
  ofRecords(config: SourceConfig): RecordTransform | undefined;
  /** What the transform of an entry makes of a message for a topic of it; `undefined` where it has none. */
  of(config: SourceConfig, topic: string): FollowerOptions['transform'];
  /** Ends their threads and processes, and resolves when they are gone. */
  close(): Promise<void>;
}

/** @throws {TransformLoadError} `config_invalid`; nothing is then left running */
export async function startTransforms(config: Config, clock: Clock): Promise<Transforms> {
  const runners = new Map<SourceConfig, TransformRunner>();
  for (const source of config.sources) {
    if (source.transform) runners.set(source, startTransform(source.transform, clock));
  }
  const close = async () => {
    await Promise.all([...runners.values()].map((runner) => runner.close()));
  };
  try {
    await Promise.all([...runners.values()].map((runner) => runner.prepare()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    after(source, entry, topic) {
      const runner = runners.get(entry);
      return runner ? transformedSource(source, runner, topic) : source;
    },
    ofRecords: (entry) => runners.get(entry)?.run,
    of(entry, topic) {
      const runner = runners.get(entry);
      return runner && ((value, context) => runner.run(value, { ...context, topic }));
    },
    close,
  };
}

/** Finds the modules that cannot be loaded, or have no such export, by loading them where they would run. */
export async function findBrokenTransforms(config: Config): Promise<Finding[]> {
  const found = await Promise.all(
    config.sources.map(async ({ transform }, index): Promise<Finding[]> => {
      if (typeof transform !== 'object') return [];
      const runner = startTransform(transform);
      try {
        await runner.prepare();
        return [];
      } catch (error) {
        if (!(error instanceof TransformLoadError)) throw error;
        const { part, expected } = error;
        const message = `found ${JSON.stringify(transform[part])}, expected ${expected}`;
        return [{ path: ['sources', index, 'transform', part], message }];
      } finally {
        await runner.close();
      }
    }),
  );
  return found.flat();
}
