import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '../../../server/config/schema.js';
import { check, same, until } from '../check.js';
import type { Stage, Theme } from '../scenario.js';
import { makeFolder } from '../world/folder.js';
import { type Served, serve } from '../world/serve.js';

/** Told by its value to misbehave. */
const MOODY = `export default async function (value) {
  if (value.mood === 'throw') throw new Error('as told');
  if (value.mood === 'hang') await new Promise(() => {});
  if (value.mood === 'spin') for (;;);
  if (value.mood === 'exit') process.exit(3);
  if (value.mood === 'nothing') return undefined;
  return { was: value.n };
}
`;

/** How long one that hangs is waited for, in ms: far longer than one that works takes on a busy machine. */
const TIMEOUT = 2_000;

/** What makes values of what was fetched, and what keeps them. */
export const transforms: Theme = {
  policies: 'one',
  scenarios: {
    'a transform in line that throws leaves the last value': (stage) =>
      moods(stage, 'inline', ['throw', 'nothing']),

    'a transform in a thread that hangs, spins or exits is replaced': (stage) =>
      moods(stage, 'thread', ['throw', 'hang', 'spin', 'exit']),

    'a transform in a process that hangs, spins or exits is replaced': (stage) =>
      moods(stage, 'process', ['throw', 'spin', 'exit']),

    async 'a file sink holds the last value, and makes a warm start'(stage) {
      const { random } = stage;
      const file = join(await makeFolder(stage), 'value.json');
      let value: unknown = 0;
      let asked = 0;
      const config: ConfigInput = {
        sources: [
          {
            topic: 'q',
            every: '1h',
            fetch: () => {
              asked += 1;
              return value;
            },
            sinks: [{ file }],
          },
        ],
      };
      const first = await serve(stage, config);
      for (let n = 0; n < 25; n++) {
        value = { n, more: random.json(2) };
        await refresh(first);
        if (random.chance(0.3)) JSON.parse(await readFile(file, 'utf8').catch(() => 'null'));
      }
      await first.headwater.close();
      same(JSON.parse(await readFile(file, 'utf8')), value, 'what the file holds');
      const before = asked;
      const second = await serve(stage, config);
      await until(() => second.headwater.topics().includes('q'), 'the topic is there');
      const started = second.headwater.topic('q');
      await until(() => started.value !== undefined, 'the topic is warm');
      same([started.value, asked], [value, before], 'the value of the warm start');
    },
  },
};

async function moods(
  stage: Stage,
  run: 'inline' | 'thread' | 'process',
  bad: readonly string[],
): Promise<void> {
  const { random } = stage;
  const module = join(await makeFolder(stage), 'moody.mjs');
  await writeFile(module, MOODY);
  let value = { n: 0, mood: 'good' };
  const served = await serve(stage, {
    sources: [{ topic: 'q', every: '1h', fetch: () => value, transform: { module, run, timeout: TIMEOUT } }],
  });
  // Each once: some cost all of the time-out.
  const moods = random.shuffle(bad);
  let last = -1;
  let fails = 0;
  for (let n = 0; n < 12; n++) {
    const failing = moods.length > 0 && random.chance(0.5);
    if (failing) fails += 1;
    value = { n, mood: failing ? moods.pop()! : 'good' };
    await refresh(served);
    if (!failing) last = n;
    const expected = last < 0 ? undefined : { was: last };
    same(served.headwater.topic('q').value, expected, `the value after ${value.mood}`);
  }
  value = { n: 100, mood: 'good' };
  await refresh(served);
  same(served.headwater.topic('q').value, { was: 100 }, 'the last value');
  check(fails > 0, 'nothing failed');
}

async function refresh({ send }: Served): Promise<void> {
  await send('POST', '/refresh/q', {});
}
