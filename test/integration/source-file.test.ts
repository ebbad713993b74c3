import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../server/async/clock.js';
import { fileSource } from '../../server/source/file.js';
import { startRefresher } from '../../server/source/refresher.js';
import { createStore } from '../../server/store/store.js';
import type { Json } from '../../shared/json.js';
import { nested } from '../support/json-arbitrary.js';
import { until } from '../support/scripted-servers.js';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-file-'));
  file = join(directory, 'data.json');
  return () => rm(directory, { recursive: true, force: true });
});

const write = (value: Json) => writeFile(file, JSON.stringify(value));

/** A topic that the file feeds; every hour, so that only watching can explain a change. */
function feed() {
  const store = createStore();
  store.declare({ topic: 'file', kind: 'state', served: true, history: { count: 10, bytes: 1e6 } });
  const states: string[] = [];
  const { view } = store.writer('file')!;
  store.onFlush(() =>
    states.push(view.freshness.stale ? `stale: ${view.freshness.error}` : JSON.stringify(view.value)),
  );
  const refresher = startRefresher({
    source: fileSource(file),
    topic: store.writer('file')!,
    every: 3_600_000,
    when: 'always',
    clock: systemClock,
  });
  onTestFinished(() => refresher.close());
  const shows = (state: string) => until(() => expect(states.at(-1)).toBe(state));
  return { shows, states };
}

describe('a watched file', () => {
  it('shows each change at once, written in place or renamed over it', async () => {
    await write({ n: 1 });
    const { shows } = feed();
    await shows('{"n":1}');
    await write({ n: 2 });
    await shows('{"n":2}');
    const other = join(directory, 'other.tmp');
    await writeFile(other, '{"n":3}');
    await rename(other, file);
    await shows('{"n":3}');
    await write({ n: 4 });
    await shows('{"n":4}');
  });

  it('appears when it is made, and turns stale while it is gone', async () => {
    const { shows } = feed();
    await shows('stale: the file data.json does not exist');
    await write([1]);
    await shows('[1]');
    await rm(file);
    await shows('stale: the file data.json does not exist');
    await write([1]);
    await shows('[1]');
  });

  it('does not flicker while it is half written', async () => {
    await write({ n: 1 });
    const { shows, states } = feed();
    await shows('{"n":1}');
    // Its two timers run in their order, however late: the file is whole long before it is read for the last time.
    const later = new Promise((resolve) => setTimeout(resolve, 70));
    writeFileSync(file, '{"n":');
    await later;
    writeFileSync(file, '{"n":2}');
    await shows('{"n":2}');
    expect(states.filter((state) => state.startsWith('stale'))).toEqual([]);
  });

  it('turns stale where it stays broken, and recovers', async () => {
    await write({ n: 1 });
    const { shows } = feed();
    await shows('{"n":1}');
    await writeFile(file, '{"n":');
    await shows('stale: the file data.json is no JSON');
    await writeFile(file, '');
    await write({ n: 2 });
    await shows('{"n":2}');
  });
});

describe('a file source', () => {
  const fetch = (path = file, previous?: Json) =>
    fileSource(path).fetch({ signal: new AbortController().signal, previous });

  it('says unchanged for the same bytes', async () => {
    await write({ n: 1 });
    const source = fileSource(file);
    const context = { signal: new AbortController().signal };
    expect(await source.fetch({ ...context, previous: undefined })).toEqual({
      kind: 'value',
      value: { n: 1 },
    });
    await write({ n: 1 });
    expect(await source.fetch({ ...context, previous: { n: 1 } })).toEqual({ kind: 'unchanged' });
  });

  it('takes a byte order mark', async () => {
    await writeFile(file, '\ufeff{"n":1}');
    expect(await fetch()).toEqual({ kind: 'value', value: { n: 1 } });
  });

  it.each<[string, Buffer | string, string]>([
    ['is empty', '', 'is empty'],
    ['is no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'is no JSON'],
    ['holds NaN', '[NaN]', 'is no JSON'],
    ['nests too deep', '['.repeat(100_000) + ']'.repeat(100_000), 'nests deeper than 256 levels'],
    ['is too large', `"${'x'.repeat(17 * 1024 * 1024)}"`, 'is larger than 16777216 bytes'],
  ])('refuses a file that %s', async (_name, content, says) => {
    await writeFile(file, content);
    await expect(fetch()).rejects.toMatchObject({
      code: 'source_failed',
      message: `the file data.json ${says}`,
    });
  });

  it('refuses a directory', async () => {
    await mkdir(file);
    await expect(fetch()).rejects.toMatchObject({ message: 'the file data.json is a directory' });
  });

  it.skipIf(process.platform === 'win32')('refuses what need not end, at once', async () => {
    execFileSync('mkfifo', [file]);
    // As many as the pool of threads has, which would all wait for a writer.
    const pipes = await Promise.allSettled(Array.from({ length: 4 }, () => fetch()));
    for (const pipe of pipes) {
      expect(pipe).toMatchObject({ reason: { message: 'the file data.json is no regular file' } });
    }
    await expect(fetch('/dev/zero')).rejects.toMatchObject({ message: 'the file zero is no regular file' });
  });

  it('reads at the interval where its directory cannot be watched', async () => {
    const running = new AbortController();
    onTestFinished(() => running.abort());
    const source = fileSource(join(directory, 'missing', 'data.json'));
    source.watch?.(() => {}, running.signal);
    await expect(source.fetch({ signal: running.signal, previous: undefined })).rejects.toMatchObject({
      message: 'the file data.json does not exist',
    });
  });

  it('lets go when it is called off between attempts', async () => {
    await writeFile(file, '{');
    const controller = new AbortController();
    const fetched = fileSource(file).fetch({ signal: controller.signal, previous: undefined });
    setTimeout(() => controller.abort(), 60);
    await expect(fetched).rejects.toThrow();
  });

  it('nesting within the bound is fine', async () => {
    await write(nested(200, 1));
    expect((await fetch()).kind).toBe('value');
  });
});
