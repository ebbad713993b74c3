// A source in code: anything that can be computed or asked for becomes a live topic.
//
//   npx headwater --config examples/function-source/headwater.config.ts

import { readdir } from 'node:fs/promises';
import { defineConfig } from 'headwater';

interface Tick {
  count: number;
  sum: number;
}

export default defineConfig({
  sources: [
    {
      // `previous` is what the topic holds, so a source can build on it.
      topic: 'dice',
      every: '250ms',
      fetch: async ({ previous }) => {
        const { count, sum } = (previous as Tick | undefined) ?? { count: 0, sum: 0 };
        const rolled = 1 + Math.floor(Math.random() * 6);
        return { count: count + 1, sum: sum + rolled, rolled, mean: (sum + rolled) / (count + 1) };
      },
    },
    {
      // Let `signal` reach whatever you await: it aborts on time-out and when the server stops.
      topic: 'folder',
      every: '2s',
      when: 'always',
      fetch: async ({ signal }) => {
        const names = await readdir(import.meta.dirname);
        signal.throwIfAborted();
        return { files: names.sort() };
      },
    },
  ],
});
