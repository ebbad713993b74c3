import type { Clock } from '../async/clock.js';
import { RunningTask } from '../async/running-task.js';
import { createTask } from '../async/task.js';
import type { LoopWatch } from '../observe/loop-hold.js';
import type { Source } from '../source/source.js';

/** What one server is doing right now, as tasks of one owner. */
export interface ServerTasks {
  /** The source, each fetch of which is a task called `fetch <topic>` while it runs, under watch. */
  ofSource(source: Source, topic: string): Source;
  /** Resolves when the owner and all its tasks have ended. Nothing can be started afterwards. */
  close(): Promise<void>;
}

/** Opens the owner, a task called `server`. */
export function openServerTasks(clock: Clock, watch: LoopWatch): ServerTasks {
  let end: () => void = () => {};
  const closed = new Promise<void>((resolve) => (end = resolve));
  const owner = new RunningTask<void>({ clock }, 'server').begin(() => closed);
  const { signal } = owner;
  return {
    ofSource: (source, topic) => ({
      ...source,
      async fetch(context) {
        const name = `fetch ${topic}`;
        return await createTask(() => watch.tracked(name, () => source.fetch(context)), { signal, name });
      },
    }),
    async close() {
      end();
      await owner;
    },
  };
}
