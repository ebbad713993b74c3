import { performance } from 'node:perf_hooks';
import type { Clock } from '../async/clock.js';
import { createDistribution, type Distribution, record } from '../async/distribution.js';
import { RunningTask } from '../async/running-task.js';
import { createTask } from '../async/task.js';
import type { LoopWatch } from '../observe/loop-hold.js';
import type { Source } from '../source/source.js';

/** What one server is doing right now, as tasks of one owner. */
export interface ServerTasks {
  /** The source, whose fetches and races are tasks called `fetch <topic>` and `race <topic>` while they run, under watch. */
  ofSource(source: Source, topic: string): Source;
  /** How many milliseconds the fetches took that have ended. */
  readonly fetchDurations: Readonly<Distribution>;
  /** Runs what follows a stream as a task called `follow <topic>`, under watch. */
  follow(topic: string, work: () => Promise<void>): Promise<void>;
  /** Resolves when the owner and all its tasks have ended. Nothing can be started afterwards. */
  close(): Promise<void>;
}

/** In ms. */
const FETCH_DURATIONS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** Opens the owner, a task called `server`. */
export function openServerTasks(clock: Clock, watch: LoopWatch): ServerTasks {
  let end: () => void = () => {};
  const closed = new Promise<void>((resolve) => (end = resolve));
  const owner = new RunningTask<void>({ clock }, 'server').begin(() => closed);
  const { signal } = owner;
  const fetchDurations = createDistribution(FETCH_DURATIONS);

  async function perform<T>(name: string, work: () => Promise<T>): Promise<T> {
    return await createTask(() => watch.tracked(name, work), { signal, name });
  }

  return {
    ofSource: (source, topic) => ({
      ...source,
      async fetch(context) {
        const began = performance.now();
        try {
          return await perform(`fetch ${topic}`, () => source.fetch(context));
        } finally {
          record(fetchDurations, performance.now() - began);
        }
      },
      ...(source.race && { race: (signal) => perform(`race ${topic}`, () => source.race!(signal)) }),
    }),
    fetchDurations,
    follow: (topic, work) => perform(`follow ${topic}`, work),
    async close() {
      end();
      await owner;
    },
  };
}
