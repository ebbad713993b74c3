import type { Clock } from '../async/clock.js';
import { RunningTask } from '../async/running-task.js';
import { createTask } from '../async/task.js';
import type { LoopWatch } from '../observe/loop-hold.js';
import type { Source } from '../source/source.js';

/** What one server is doing right now, as tasks of one owner. */
export interface ServerTasks {
  /** The source, whose fetches and races are tasks called `fetch <topic>` and `race <topic>` while they run, under watch. */
  ofSource(source: Source, topic: string): Source;
  /** Runs what follows a stream as a task called `follow <topic>`, under watch. */
  follow(topic: string, work: () => Promise<void>): Promise<void>;
  /** Resolves when the owner and all its tasks have ended. Nothing can be started afterwards. */
  close(): Promise<void>;
}

/** Opens the owner, a task called `server`. */
export function openServerTasks(clock: Clock, watch: LoopWatch): ServerTasks {
  let end: () => void = () => {};
  const closed = new Promise<void>((resolve) => (end = resolve));
  const owner = new RunningTask<void>({ clock }, 'server').begin(() => closed);
  const { signal } = owner;

  async function perform<T>(name: string, work: () => Promise<T>): Promise<T> {
    return await createTask(() => watch.tracked(name, work), { signal, name });
  }

  return {
    ofSource: (source, topic) => ({
      ...source,
      fetch: (context) => perform(`fetch ${topic}`, () => source.fetch(context)),
      ...(source.race && { race: (signal) => perform(`race ${topic}`, () => source.race!(signal)) }),
    }),
    follow: (topic, work) => perform(`follow ${topic}`, work),
    async close() {
      end();
      await owner;
    },
  };
}
