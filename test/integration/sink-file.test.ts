import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { beforeEach, describe, expect, it } from 'vitest';
import { fileSink } from '../../server/source/sink/file.js';
import type { Json } from '../../shared/json.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-sink-'));
  file = join(directory, 'board.json');
  return () => rm(directory, { recursive: true, force: true });
});

const read = async () => JSON.parse(await readFile(file, 'utf8')) as Json;
const { signal } = new AbortController();

/** A server with one source, whose value the test sets. */
async function serve(fetch: () => unknown) {
  return startServer({
    sources: [{ topic: 'board', every: 20, when: 'always', fetch, sinks: [{ file }] }],
  });
}

describe('a file that a topic is written to', () => {
  it('holds each new value, whole at every moment', async () => {
    let n = 0;
    const { headwater } = await serve(() => ({ n: n++, padding: 'x'.repeat(100_000) }));
    await until(async () => expect(await read()).toMatchObject({ n: expect.any(Number) }));
    const seen = new Set<number>();
    await until(async () => {
      seen.add(((await read()) as { n: number }).n);
      expect(seen.size).toBeGreaterThan(10);
    });
    await headwater.close();
    expect(await read()).toEqual(headwater.topic('board').value);
    expect(await readdir(directory)).toEqual(['board.json']);
  });

  it('has the time of the value for its own', async () => {
    await fileSink(file).write([{ value: 1, asOf: 1_700_000_000_000 }], signal);
    expect((await stat(file)).mtimeMs).toBe(1_700_000_000_000);
  });

  it('is written under a lock that other programs can hold', async () => {
    const unlock = await lockfile.lock(file, { realpath: false });
    const written = fileSink(file).write([{ value: 1, asOf: 1 }], signal);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await expect(read()).rejects.toThrow('ENOENT');
    await unlock();
    await written;
    expect(await read()).toBe(1);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['has no folder', () => rm(directory, { recursive: true }), 'its folder does not exist'],
    ['is a directory', () => mkdir(join(file, 'x'), { recursive: true }), 'it is a directory'],
  ])('that %s fails with a reason, and leaves nothing behind', async (_name, spoil, reason) => {
    await spoil();
    await expect(fileSink(file).write([{ value: 1, asOf: 1 }], signal)).rejects.toMatchObject({
      code: 'source_failed',
      message: `the file board.json cannot be written: ${reason}`,
    });
    expect((await readdir(directory).catch(() => [])).filter((name) => name !== 'board.json')).toEqual([]);
  });

  it('is written as soon as it can be, and the topic does not notice', async () => {
    await rm(directory, { recursive: true });
    let n = 0;
    const { headwater, url } = await serve(() => n++);
    const sinkMetric = async (name: string) =>
      Number(
        new RegExp(`^headwater_${name} (.*)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())![1],
      );
    await until(async () => expect(await sinkMetric('failing_sinks')).toBe(1));
    const { version } = headwater.topic('board');
    await until(() => expect(headwater.topic('board').version).toBeGreaterThan(version + 3));
    await mkdir(directory);
    await until(async () => expect(await read()).toEqual(expect.any(Number)));
    await until(async () => expect(await sinkMetric('failing_sinks')).toBe(0));
    expect(await sinkMetric('sink_writes_total')).toBeGreaterThan(0);
    await headwater.close();
  });
});

describe('a warm start from a file', () => {
  const HOUR = 3_600_000;
  const held = (url: string) => fetch(`${url}/topics/board`).then((response) => response.json());

  async function serveSilent() {
    const asked: unknown[] = [];
    const server = await startServer({
      sources: [
        {
          topic: 'board',
          every: HOUR,
          when: 'always',
          fetch: ({ previous, signal: stopped }) => {
            asked.push(previous);
            return new Promise((_, reject) => stopped.addEventListener('abort', () => reject(new Error())));
          },
          sinks: [{ file }],
        },
      ],
    });
    return { ...server, asked };
  }

  it('gives the value, its age and that it is stale, before the first fetch has come back', async () => {
    await writeFile(file, '{"n":1}');
    await utimes(file, 1_700_000_000, 1_700_000_000);
    const { headwater, asked } = await serveSilent();
    const topic = headwater.topic('board');
    expect(topic.value).toEqual({ n: 1 });
    expect(topic.version).toBe(1);
    const updates: unknown[] = [];
    topic.subscribe(({ value, stale, asOf }) => updates.push({ value, stale, asOf }));
    expect(updates).toEqual([
      {
        value: { n: 1 },
        stale: 'loaded from the file board.json, not yet refreshed',
        asOf: new Date(1_700_000_000_000),
      },
    ]);
    expect(asked).toEqual([{ n: 1 }]);
    await headwater.close();
    expect((await stat(file)).mtimeMs).toBe(1_700_000_000_000);
  });

  it.each([
    ['missing', undefined],
    ['torn', '{"n":'],
    ['empty', ''],
  ])('begins without a value where the file is %s', async (_name, content) => {
    if (content !== undefined) await writeFile(file, content);
    const { headwater } = await serveSilent();
    expect(headwater.topic('board').value).toBeUndefined();
  });

  it('is fresh with the first fetch, and goes on from there', async () => {
    await writeFile(file, '{"n":1}');
    const { url } = await startServer({
      sources: [{ topic: 'board', every: 20, when: 'always', fetch: () => ({ n: 2 }), sinks: [{ file }] }],
    });
    await until(async () => expect(await read()).toEqual({ n: 2 }));
    expect(await held(url)).toEqual({ n: 2 });
  });
});
