import type { Clock } from './async/clock.js';
import { RunningTask } from './async/running-task.js';
import { createTask } from './async/task.js';
import type { Source } from './source/source.js';

/** What one server is doing right now, as tasks of one owner. */
export interface ServerTasks {
  /** The source, each fetch of which is a task called `fetch <topic>` while it runs. */
  ofSource(source: Source, topic: string): Source;
  /** Resolves when the owner and all its tasks have ended. Nothing can be started afterwards. */
  close(): Promise<void>;
}

/** Opens the owner, a task called `server`. */
export function openServerTasks(clock: Clock): ServerTasks {
  let end: () => void = () => {};
  const closed = new Promise<void>((resolve) => (end = resolve));
  const owner = new RunningTask<void>({ clock }, 'server').begin(() => closed);
  const { signal } = owner;
  return {
    ofSource: (source, topic) => ({
      ...source,
      fetch: async (context) =>
        await createTask(() => source.fetch(context), { signal, name: `fetch ${topic}` }),
    }),
    async close() {
      end();
      await owner;
    },
  };
}
