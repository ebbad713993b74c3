import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import { findBrokenTransforms } from '../../server/app/transforms.js';
import { loadConfig } from '../../server/config/load.js';
import type { FetchContext } from '../../server/source/source.js';
import { startTransform, transformedSource } from '../../server/source/transform/transform.js';
import type { Json } from '../../shared/json.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-transform-'));
  return () => rm(directory, { recursive: true, force: true });
});

async function moduleOf(text: string, name = 'board.js'): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

type Run = 'inline' | 'thread' | 'process';
const RUNS: Run[] = ['inline', 'thread', 'process'];
const APART: Run[] = ['thread', 'process'];

/** A transform in a module, ready. */
async function start(module: string, run: Run, options: { export?: string; timeout?: number } = {}) {
  const runner = startTransform({ module, run, export: 'default', timeout: 30_000, ...options });
  onTestFinished(() => runner.close());
  await runner.prepare();
  const { signal } = new AbortController();
  return {
    close: () => runner.close(),
    give: (value: Json, context: Partial<FetchContext> = {}) =>
      runner.run(value, { topic: 't', previous: undefined, signal, ...context }),
  };
}

/** Told by its value to misbehave. */
const MOODY = `
  export default async function (value, { signal }) {
    if (value === 'throw') throw new Error('secret detail');
    if (value === 'hang') await new Promise(() => {});
    if (value === 'spin') for (;;);
    if (value === 'exit') process.exit(3);
    if (value === 'kill') process.kill(process.pid, 'SIGKILL');
    if (value === 'date') return { at: [new Date()] };
    if (value === 'nothing') return undefined;
    if (value === 'pid') return process.pid;
    return { was: value };
  }`;

describe.each(RUNS)('a transform that runs as: %s', (run) => {
  it('makes the value, of TypeScript and JavaScript, of modules and CommonJS', async () => {
    const modules = [
      await moduleOf('export default (value) => ({ sum: value.a + value.b });'),
      await moduleOf('module.exports = (value) => ({ sum: value.a + value.b });', 'b.cjs'),
      await moduleOf(
        'export default (value: { a: number; b: number }) => ({ sum: value.a + value.b });',
        'c.ts',
      ),
      await moduleOf(
        "import { add } from './add.js';\nexport default async (value: { a: number; b: number }) => ({ sum: add(value) });",
        'd.ts',
      ),
    ];
    await moduleOf('export const add = ({ a, b }: { a: number; b: number }): number => a + b;', 'add.ts');
    for (const module of modules) {
      const { give } = await start(module, run);
      expect(await give({ a: 1, b: 2 })).toEqual({ sum: 3 });
    }
  });

  it('is an export that has a name, and is told of its topic and the value before', async () => {
    const module = await moduleOf(
      'export const board = (value, { topic, previous, signal }) => ({ value, topic, previous, live: !signal.aborted });',
    );
    const { give } = await start(module, run, { export: 'board' });
    expect(await give(1, { previous: { n: 0 } })).toEqual({
      value: 1,
      topic: 't',
      previous: { n: 0 },
      live: true,
    });
  });

  it('may change the value before, which is a copy', async () => {
    const module = await moduleOf(
      'export default (value, { previous }) => { previous.list.push(value); return previous; };',
    );
    const { give } = await start(module, run);
    const previous = { list: [1] };
    expect(await give(2, { previous })).toEqual({ list: [1, 2] });
    expect(previous).toEqual({ list: [1] });
  });

  it('may change the value, which is a copy', async () => {
    const module = await moduleOf('export default (value) => { value.list.push(value.n); return value; };');
    const { give } = await start(module, run);
    const value = { n: 1, list: [] };
    expect(await give(value)).toEqual({ n: 1, list: [1] });
    expect(value).toEqual({ n: 1, list: [] });
  });

  it('that throws says so without the detail, which is in the cause', async () => {
    const { give } = await start(await moduleOf(MOODY), run);
    const error = await give('throw').catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'source_failed', message: 'the transform board.js threw' });
    expect((error as Error).cause).toMatchObject({ message: 'secret detail' });
    expect(((error as Error).cause as Error).stack).toContain('board.js');
    expect(await give(1)).toEqual({ was: 1 });
  });

  it('that gives what is no JSON is told where', async () => {
    const { give } = await start(await moduleOf(MOODY), run);
    await expect(give('date')).rejects.toMatchObject({
      code: 'source_failed',
      message: 'the transform board.js gave a Date at /at/0, which is no JSON',
    });
    await expect(give('nothing')).rejects.toMatchObject({
      message: 'the transform board.js gave undefined, which is no JSON',
    });
  });

  it('that hangs is given up, and works again', async () => {
    const { give } = await start(await moduleOf(MOODY), run, { timeout: 2_000 });
    await expect(give('hang')).rejects.toMatchObject({
      code: 'source_timeout',
      message: 'the transform board.js gave no complete answer within 2 s',
    });
    expect(await give(1)).toEqual({ was: 1 });
  });

  it('lets go at once when it is called off', async () => {
    const { give } = await start(await moduleOf(MOODY), run);
    const controller = new AbortController();
    const given = give('hang', { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('called off')), 50);
    await expect(given).rejects.toThrow('called off');
    expect(await give(1)).toEqual({ was: 1 });
  });

  it.each([
    ['is missing', undefined, 'default', 'module', /^the path of a module: there is no such file$/],
    ['is no code', 'export default (', 'default', 'module', /^a module that can be loaded: /],
    ['throws', 'throw new Error("no luck")', 'default', 'module', /^a module that can be loaded: no luck$/],
    [
      'has no such export',
      'export const a = () => 1, b = () => 2, c = 3;',
      'board',
      'export',
      /^the name of a function that board\.js exports: it exports a, b$/,
    ],
    ['exports nothing', '', 'default', 'export', /: it exports no function$/],
  ])('whose module %s is refused beforehand', async (_name, text, name, part, expected) => {
    const module = text === undefined ? join(directory, 'board.js') : await moduleOf(text);
    await expect(start(module, run, { export: name })).rejects.toMatchObject({
      code: 'config_invalid',
      part,
      expected: expect.stringMatching(expected),
    });
  });
});

describe.each(APART)('a transform that runs as: %s', (run) => {
  it('that holds its loop for ever is ended, while ours goes on', async () => {
    const { give } = await start(await moduleOf(MOODY), run, { timeout: 2_000 });
    let turns = 0;
    const turning = setInterval(() => turns++, 10);
    onTestFinished(() => clearInterval(turning));
    await expect(give('spin')).rejects.toMatchObject({ code: 'source_timeout' });
    expect(turns).toBeGreaterThan(10);
    expect(await give(1)).toEqual({ was: 1 });
  });

  it('that ends what it runs in is told so, and replaced', async () => {
    const { give } = await start(await moduleOf(MOODY), run);
    await expect(give('exit')).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringMatching(/^the transform board\.js ended its (thread|process \(exit code 3\))$/),
    });
    expect(await give(1)).toEqual({ was: 1 });
  });

  it('answers many at once, each with its own', async () => {
    const { give } = await start(await moduleOf(MOODY), run);
    const given = await Promise.all(Array.from({ length: 50 }, (_, n) => give(n)));
    expect(given).toEqual(Array.from({ length: 50 }, (_, n) => ({ was: n })));
  });

  it('leaves nothing behind that was called off by a stop', async () => {
    const { give, close } = await start(await moduleOf(MOODY), run);
    const given = give('spin');
    given.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    await close();
    await expect(given).rejects.toMatchObject({ code: 'source_failed' });
  });
});

describe('a transform in a process', () => {
  it('is replaced when it is killed in the middle of a call, and between calls', async () => {
    const { give } = await start(await moduleOf(MOODY), 'process');
    const pid = (await give('pid')) as number;
    expect(await give('pid')).toBe(pid);
    const given = give('hang');
    setTimeout(() => process.kill(pid, 'SIGKILL'), 50);
    await expect(given).rejects.toMatchObject({
      message: 'the transform board.js ended its process (SIGKILL)',
    });
    const second = (await give('pid')) as number;
    expect(second).not.toBe(pid);
    process.kill(second, 'SIGKILL');
    await until(() => expect(() => process.kill(second, 0)).toThrow());
    expect(await give(1)).toEqual({ was: 1 });
  });

  it('is gone after a stop', async () => {
    const { give, close } = await start(await moduleOf(MOODY), 'process');
    const pid = (await give('pid')) as number;
    await close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a transform and its source', () => {
  it('is given the value again after it failed, even if the source has no news', async () => {
    const given: (Json | undefined)[] = [];
    let broken = true;
    const source = transformedSource(
      {
        label: 'a source',
        fetch: async ({ previous }) =>
          previous === undefined ? { kind: 'value', value: 1 } : { kind: 'unchanged' },
      },
      startTransform((value) => {
        given.push(value);
        if (broken) throw new Error();
        return 'made';
      }),
      't',
    );
    const { signal } = new AbortController();
    const fetch = () => source.fetch({ signal, previous: 'before' });
    expect(await fetch()).toEqual({ kind: 'unchanged' });
    await expect(source.fetch({ signal, previous: undefined })).rejects.toThrow('the transform threw');
    await expect(fetch()).rejects.toThrow('the transform threw');
    broken = false;
    expect(await fetch()).toEqual({ kind: 'value', value: 'made' });
    expect(await fetch()).toEqual({ kind: 'unchanged' });
    expect(given).toEqual([1, 1, 1]);
  });
});

describe('a server with transforms', () => {
  it.each(RUNS)(
    'goes stale and recovers with its transform, run: %s, and other topics do not notice',
    async (run) => {
      const module = await moduleOf(MOODY);
      let value: Json = 1;
      const { headwater } = await startServer({
        sources: [
          {
            topic: 'moody',
            every: 20,
            when: 'always',
            fetch: () => value,
            transform: { module, run, timeout: 1_000 },
          },
          { topic: 'other', every: 20, when: 'always', fetch: () => Math.random(), transform: (n) => [n] },
        ],
      });
      const states: unknown[] = [];
      headwater.topic('moody').subscribe((update) => states.push(update.stale ?? update.value));
      const shows = (state: unknown) => until(() => expect(states.at(-1)).toEqual(state));
      await shows({ was: 1 });
      for (const [mood, reason] of [
        ['throw', 'the transform board.js threw'],
        ['date', 'the transform board.js gave a Date at /at/0, which is no JSON'],
        ['hang', 'the transform board.js gave no complete answer within 1 s'],
        ...(run === 'process' ? [['kill', 'the transform board.js ended its process (SIGKILL)']] : []),
      ]) {
        value = mood!;
        await shows(reason);
        const { version } = headwater.topic('other');
        await until(() => expect(headwater.topic('other').version).toBeGreaterThan(version + 2));
        value = { after: mood! };
        await shows({ was: { after: mood } });
      }
      expect(headwater.topic('other').value).toEqual([expect.any(Number)]);
    },
  );

  it('does not start with a module that is missing, and leaves nothing running', async () => {
    const good = await moduleOf(MOODY);
    const source = { every: 1_000, fetch: () => 1 };
    const started = createHeadwater({
      http: { port: 0 },
      sources: [
        { ...source, topic: 'a', transform: { module: good, run: 'process' } },
        { ...source, topic: 'b', transform: { module: join(directory, 'none.js'), run: 'thread' } },
      ],
    });
    await expect(started).rejects.toMatchObject({
      code: 'config_invalid',
      message: `the transform ${join(directory, 'none.js')}: expected the path of a module: there is no such file`,
    });
  });

  it('is refused with the file, the line and what was expected, before anything starts', async () => {
    const transform = (module: string, run: Run, name = 'default') =>
      `transform: { module: ${module}, run: ${run}, export: ${name} }`;
    await moduleOf(MOODY);
    await moduleOf(
      [
        'sources:',
        `  - { topic: a, every: 1s, fetch: http://a, ${transform('./none.js', 'process')} }`,
        `  - { topic: b, every: 1s, fetch: http://a, ${transform('./board.js', 'thread', 'board')} }`,
        `  - { topic: c, every: 1s, fetch: http://a, ${transform('./board.js', 'inline')} }`,
      ].join('\n'),
      'a.yaml',
    );
    const loading = loadConfig({ file: 'a.yaml', directory, environment: {}, tryOut: findBrokenTransforms });
    const missing = JSON.stringify(join(directory, 'none.js'));
    await expect(loading).rejects.toMatchObject({
      code: 'config_invalid',
      message: [
        'a.yaml has 2 problems:',
        `  line 2, sources[0].transform.module: found ${missing}, expected the path of a module: there is no such file`,
        '  line 3, sources[1].transform.export: found "board", expected the name of a function that board.js exports: it exports default',
      ].join('\n'),
    });
  });

  it('writes what the transform made to its sinks', async () => {
    const file = join(directory, 'out.json');
    await startServer({
      sources: [
        { topic: 't', every: 20, when: 'always', fetch: () => 1, transform: () => 'made', sinks: [{ file }] },
      ],
    });
    await until(async () => expect(await readFile(file, 'utf8')).toBe('"made"\n'));
  });

  it('that changes the value of a function cannot change what the topic holds', async () => {
    let n = 0;
    const server = await startServer({
      sources: [
        {
          topic: 't',
          every: 20,
          when: 'always',
          fetch: () => ({ n: ++n, list: [] }),
          transform: (value) => {
            const made = value as { n: number; list: number[] };
            if (made.n > 1) made.list.push(made.n);
            return made;
          },
        },
      ],
    });
    const held: unknown[] = [];
    server.headwater.topic('t').subscribe(({ value }) => held.push(value));
    await until(() => expect(held.length).toBeGreaterThan(2));
    const { n: begun } = held[0] as { n: number };
    expect(held.slice(0, 3)).toEqual(
      [begun, begun + 1, begun + 2].map((n) => ({ n, list: n > 1 ? [n] : [] })),
    );
  });
});
