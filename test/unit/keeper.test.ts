import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { type Keeper, type KeeperOptions, openKeeper } from '../../server/store/durable/keeper.js';
import { JOURNAL, loadTopics } from '../../server/store/durable/load.js';
import { createRecordWriter } from '../../server/store/durable/record.js';
import { createStore, type Store } from '../../server/store/store.js';
import type { Position, TopicView } from '../../server/store/topic.js';
import { equal } from '../../shared/equal.js';
import type { Json } from '../../shared/json.js';
import { applyPatch, type PatchOperation } from '../../shared/patch.js';
import { json } from '../support/json-arbitrary.js';
import { until } from '../support/scripted-servers.js';
import { settableClock } from '../support/settable-clock.js';

const HOUR = 3_600_000;
const BOUNDS = { count: 50, bytes: 100_000 };
const quiet: KeeperOptions = { onTurn() {} };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Life {
  keeper: Keeper;
  store: Store;
  /** Commits, and waits for the flush. */
  set(topic: string, value: Json): Promise<void>;
  append(topic: string, ...events: Json[]): Promise<void>;
  view(topic: string): TopicView;
  end(): Promise<void>;
}

/** A store that is kept in the folder, from its start to an orderly end. */
async function live(options: Partial<KeeperOptions> = {}): Promise<Life> {
  const keeper = await openKeeper(folder, { ...quiet, ...options });
  const store = createStore({ recall: keeper.recall });
  store.onFlush(keeper.write);
  store.declare({ topic: 'a', kind: 'state', history: BOUNDS, served: false });
  store.declare({ topic: 'b', kind: 'state', history: BOUNDS, served: true });
  store.declare({ topic: 'log', kind: 'event', history: BOUNDS, served: false });
  store.declare({ topic: 'room/{name}', kind: 'event', history: BOUNDS, served: false });
  store.declare({ topic: 'city/{name}', kind: 'state', history: BOUNDS, served: true });
  store.revive(keeper.unclaimed());
  await keeper.begin(store.topics);
  let ended: Promise<void> | undefined;
  const end = () => {
    store.close();
    ended ??= keeper.close(5_000);
    return ended;
  };
  onTestFinished(end);
  return {
    keeper,
    store,
    end,
    async set(topic, value) {
      store.writer(topic)!.set(value);
      await store.flushed();
    },
    async append(topic, ...events) {
      for (const event of events) store.writer(topic)!.append(event);
      await store.flushed();
    },
    view: (topic) => store.open(topic)!,
  };
}

/** All that a reader could tell. */
function told({
  name,
  kind,
  epoch,
  version,
  value,
  asOf,
  changedAt,
  freshness,
  position,
  ...view
}: TopicView) {
  const { reachesBackTo } = view;
  return { name, kind, epoch, version, value, asOf, changedAt, freshness, position, reachesBackTo };
}
const snapshot = (view: TopicView) => ({
  ...told(view),
  reachesBackTo: view.reachesBackTo,
  steps: view.since(view.reachesBackTo),
});

/** Milliseconds: a start for each byte of a journal takes a busy machine its time. */
const MANY_STARTS = 90_000;

describe('topics that are kept in a folder', () => {
  it('come back as they were, with what leads there', async () => {
    const first = await live();
    await first.set('a', { n: 1, text: 'x'.repeat(300) });
    await first.set('a', { n: 2, text: 'x'.repeat(300) });
    await first.set('b', [1, 2, 3]);
    first.store.writer('b')!.fail('the upstream is down');
    await first.append('log', 'one', { two: 2 });
    await first.append('room/hall', 'hello');
    const before = ['a', 'b', 'log', 'room/hall'].map((name) => snapshot(first.view(name)));
    await first.store.flushed();
    before[1] = snapshot(first.view('b'));
    await first.end();

    const second = await live();
    expect(second.keeper.loaded).toEqual({ doubt: undefined, damaged: false });
    expect([...second.store.topics()].map(({ name }) => name)).toContain('room/hall');
    expect(['a', 'b', 'log', 'room/hall'].map((name) => snapshot(second.view(name)))).toEqual(before);
    expect(second.view('a').since(1)).toHaveLength(1);
  });

  it('go on in versions and history', async () => {
    const first = await live();
    await first.set('a', { n: 1 });
    const { epoch } = first.view('a');
    await first.end();
    const second = await live();
    await second.set('a', { n: 2, long: 'x'.repeat(500) });
    await second.append('log', 1);
    await second.end();
    const third = await live();
    expect(third.view('a')).toMatchObject({ epoch, version: 2, value: { n: 2, long: 'x'.repeat(500) } });
    expect(third.view('log')).toMatchObject({ version: 1 });
  });

  it('begin a new epoch where their kind is another', async () => {
    const first = await live();
    await first.append('room/hall', 1);
    const { epoch } = first.view('room/hall');
    await first.end();
    const dropped: string[][] = [];
    const keeper = await openKeeper(folder, {
      ...quiet,
      onDropped: (topics) => void dropped.push([...topics]),
    });
    onTestFinished(() => keeper.close(1_000));
    const store = createStore({ recall: keeper.recall });
    store.declare({ topic: 'room/hall', kind: 'state', history: BOUNDS, served: false });
    expect(store.open('room/hall')).toMatchObject({ version: 0, value: undefined });
    expect(store.open('room/hall')!.epoch).not.toBe(epoch);
    expect(dropped).toEqual([['room/hall']]);
  });

  it('of a template wait until somebody asks for them, also over a second restart', async () => {
    const first = await live();
    await first.set('city/oslo', { t: 1 });
    const { epoch } = first.view('city/oslo');
    await first.end();
    await (await live()).end();
    const third = await live();
    expect([...third.store.topics()].map(({ name }) => name)).not.toContain('city/oslo');
    expect(third.view('city/oslo')).toMatchObject({ epoch, version: 1, value: { t: 1 } });
  });

  it('of a template wait an hour, by no time of day', async () => {
    const first = await live();
    await first.append('room/hall', 1);
    await first.end();
    for (const [forth, passed, droppedThen] of [
      [2 * HOUR, 0, []],
      [0, HOUR + 1, [['room/hall']]],
    ] as const) {
      const clock = settableClock();
      const dropped: string[][] = [];
      const onDropped = (topics: readonly string[]) => void dropped.push([...topics]);
      const keeper = await openKeeper(folder, { ...quiet, clock, onDropped });
      onTestFinished(() => keeper.close(1_000));
      clock.setForth(forth);
      await clock.advance(passed);
      await keeper.begin(() => []);
      expect(dropped).toEqual(droppedThen);
      await keeper.close(5_000);
    }
  });

  it('of a template begin a new epoch after they made room, also over a restart', async () => {
    const first = await live();
    await first.set('city/oslo', 1);
    const { epoch } = first.view('city/oslo');
    await first.end();
    const second = await live();
    expect(second.store.hold('city/oslo')!.view).toMatchObject({ epoch, version: 1 });
    second.store.evict('city/oslo');
    const again = second.store.hold('city/oslo')!.view;
    expect(again.version).toBe(0);
    expect(again.epoch).not.toBe(epoch);
    await second.set('city/oslo', 2);
    await second.end();
    const third = await live();
    expect(told(third.view('city/oslo'))).toEqual(told(again));
  });

  it('keep no more history than is configured now', async () => {
    const first = await live();
    await first.append('log', ...Array.from({ length: 40 }, (_, n) => n));
    await first.end();
    const keeper = await openKeeper(folder, quiet);
    onTestFinished(() => keeper.close(1_000));
    const store = createStore({ recall: keeper.recall });
    store.declare({ topic: 'log', kind: 'event', history: { count: 5, bytes: 1_000 }, served: false });
    expect(store.open('log')).toMatchObject({ version: 40, reachesBackTo: 35 });
  });
});

describe('where the stream of a topic stands', () => {
  const at = (id: string) => ({ origin: 'a stream', at: id });

  it('is kept with what brought it there, or by itself', async () => {
    const first = await live();
    first.store.writer('log')!.append(1);
    first.store.writer('log')!.stand(at('1'));
    first.store.writer('a')!.set({ n: 1 });
    first.store.writer('a')!.stand(at('one'));
    await first.store.flushed();
    first.store.writer('log')!.stand(at('2'));
    first.store.writer('room/empty')!.stand(at('7'));
    await first.store.flushed();
    const { epoch } = first.view('room/empty');
    await first.end();
    const second = await live();
    expect(second.view('log')).toMatchObject({ version: 1, position: at('2') });
    expect(second.view('a')).toMatchObject({ version: 1, position: at('one') });
    expect(second.view('room/empty')).toMatchObject({ version: 0, epoch, position: at('7') });
    await second.append('room/empty', 'first');
    await second.end();
    expect((await live()).view('room/empty')).toMatchObject({ version: 1, epoch, position: at('7') });
  });

  it('is not what it was for a value that came from elsewhere, and is for an event', async () => {
    const life = await live();
    for (const topic of ['a', 'log']) life.store.writer(topic)!.stand(at('1'));
    await life.append('log', 'by the way');
    await life.set('a', 'by the way');
    await life.end();
    const next = await live();
    expect(next.view('log').position).toEqual(at('1'));
    expect(next.view('a').position).toBeUndefined();
  });

  it('is kept also of a topic that had nothing to keep when the journal was made anew, and passed it by', async () => {
    const life = await live({ smallest: 1_000_000 });
    const writers = Array.from({ length: 50 }, (_, n) => life.store.writer(`room/r${n}`)!);
    // So large that others have their turns while it is written.
    for (let n = 0; n < 4; n++) await life.set(`city/c${n}`, 'x'.repeat(300_000));
    const { rewrites } = life.keeper.state;
    for (const [n, writer] of writers.entries()) {
      writer.stand(at(`${n}`));
      await life.store.flushed();
    }
    await until(() => expect(life.keeper.state.rewrites).toBeGreaterThan(rewrites));
    await life.end();
    const next = await live();
    for (const n of writers.keys()) expect(next.view(`room/r${n}`).position).toEqual(at(`${n}`));
  });

  it('is not known of topics that an older version kept, which are all there', async () => {
    const first = await live();
    await first.set('a', { n: 1 });
    await first.append('log', 1, 2);
    for (const topic of ['a', 'log']) first.store.writer(topic)!.stand(at('2'));
    await first.store.flushed();
    const { epoch } = first.view('log');
    await first.end();
    const journal = join(folder, JOURNAL);
    const bytes = readFileSync(journal);
    const { frame } = createRecordWriter();
    const old: Buffer[] = [];
    for (let from = 0; from < bytes.length; from += 8 + bytes.readUInt32LE(from)) {
      const text = bytes.toString('utf8', from + 8, from + 8 + bytes.readUInt32LE(from));
      old.push(Buffer.from(frame(text.replaceAll(/,"position":\{[^}]*\}/g, ''))));
    }
    expect(Buffer.concat(old).length).toBeLessThan(bytes.length);
    writeFileSync(journal, Buffer.concat(old));
    const second = await live();
    expect(second.keeper.loaded).toEqual({ doubt: undefined, damaged: false });
    expect(second.view('log')).toMatchObject({ epoch, version: 2, position: undefined });
    expect(second.view('a')).toMatchObject({ version: 1, value: { n: 1 }, position: undefined });
  });
});

describe('what is on the disk', () => {
  it('holds a flush before anybody hears of it', async () => {
    const life = await live();
    await life.set('a', 0);
    const seen: [version: number, kept: number | undefined][] = [];
    const journal = join(folder, JOURNAL);
    let before = (await stat(journal)).size;
    life.store.onFlush((flushes) => {
      const { size } = readFileSyncSize(journal);
      seen.push([flushes[0]!.topic.version, size > before ? flushes[0]!.topic.version : undefined]);
      before = size;
    });
    for (let n = 1; n <= 5; n++) await life.set('a', n);
    expect(seen).toEqual([2, 3, 4, 5, 6].map((version) => [version, version]));
  });

  /** Less than half of what the flushes below add to a journal. */
  const BYTES_A_FLUSH = 150;
  it('is made anew when it grows, and loses nothing that is flushed meanwhile', {
    timeout: MANY_STARTS,
  }, async () => {
    const life = await live({ smallest: 5_000 });
    // How many flushes fit between two journals depends on the disk.
    const isMadeAnew = (n: number) =>
      life.keeper.state.rewrites > 3 && life.keeper.state.bytes < n * BYTES_A_FLUSH;
    for (let n = 0; n < 3_000 || !isMadeAnew(n); n++) {
      life.store.writer('a')!.set({ n, pad: 'x'.repeat(200) });
      life.store.writer('log')!.append(n);
      if (n % 7 === 0) life.store.writer(`room/r${n % 5}`)!.append(n);
      if (n % 5 === 0) life.store.writer('log')!.stand({ origin: 'a stream', at: `${n}` });
      if (n % 3 === 0) life.store.writer(`city/c${n % 11}`)!.set({ n });
      await life.store.flushed();
    }
    expect(life.keeper.state.failures).toBe(0);
    expect((await stat(join(folder, JOURNAL))).size).toBe(life.keeper.state.bytes);
    const before = [...life.store.topics()].map(snapshot).filter(({ version }) => version > 0);
    await life.end();
    const again = await live();
    expect(before.map(({ name }) => snapshot(again.view(name)))).toEqual(before);
    expect(before.length).toBe(18);
  });

  it('says when the source was asked, though nothing changed', async () => {
    const first = await live();
    await first.set('b', 1);
    first.store.writer('b')!.checked(9_000_000_000_000);
    await first.store.flushed();
    await first.end();
    expect((await live()).view('b')).toMatchObject({ version: 1, asOf: 9_000_000_000_000 });
  });

  it('grows by the patch, not by the document', async () => {
    const life = await live();
    const rows = Array.from({ length: 5_000 }, (_, id) => ({ id, price: id, name: `row ${id}` }));
    await life.set('a', rows);
    const before = life.keeper.state.bytes;
    await life.set(
      'a',
      rows.map((row) => (row.id === 7 ? { ...row, price: 0 } : row)),
    );
    expect(life.keeper.state.bytes - before).toBeLessThan(400);
  });

  it('can be read by its owner alone', async () => {
    await live();
    expect((await stat(join(folder, JOURNAL))).mode & 0o777).toBe(0o600);
  });
});

const readFileSyncSize = (path: string) => ({ size: readFileSync(path).length });

describe('a folder', () => {
  it('belongs to one server at a time', async () => {
    await live();
    await expect(openKeeper(folder, quiet)).rejects.toMatchObject({
      code: 'state_locked',
      message: expect.stringContaining(`process ${process.pid}`),
    });
  });

  it('is given back at the end', async () => {
    const life = await live();
    await life.end();
    expect((await readdir(folder)).sort()).toEqual(['owner.json', JOURNAL]);
  });

  it.skipIf(process.platform !== 'linux')(
    'is free whose holder is dead, though nobody has waited for it',
    async () => {
      // The one who would have to wait for the child has become another program.
      const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      onTestFinished(() => void parent.kill());
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      const statusOf = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
      const started = statusOf()[19];
      process.kill(pid, 'SIGKILL');
      await until(() => expect(statusOf()[0]).toBe('Z'));
      const lock = join(folder, 'lock');
      await mkdir(lock);
      const owner = {
        pid,
        started,
        boot: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
        namespace: readlinkSync('/proc/self/ns/pid'),
        inode: String((await stat(lock, { bigint: true })).ino),
      };
      await writeFile(join(folder, 'owner.json'), JSON.stringify(owner));
      await live();
    },
  );

  it('is made where it is missing', async () => {
    folder = join(folder, 'deep', 'down');
    const life = await live();
    await life.set('a', 1);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('that is a file is refused', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(openKeeper(file, quiet)).rejects.toMatchObject({
      code: 'state_unavailable',
      message: `state.dir ${file} cannot be used: it is no folder`,
    });
  });
});

describe('a folder that is gone', () => {
  it.skipIf(process.platform !== 'linux')('on a full disk likewise, from the start', async () => {
    const turns: (string | undefined)[] = [];
    const clock = manualClock(Date.now());
    const draft = join(folder, 'topics.draft');
    await symlink('/dev/full', draft);
    const life = await live({ clock, onTurn: ({ failing }) => void turns.push(failing) });
    await life.set('a', 1);
    await clock.advance(1_000);
    await until(() => expect(life.keeper.state.failures).toBe(2));
    expect(turns).toEqual(['its disk is full']);
    await life.set('a', 2);
    await rm(draft);
    await until(async () => {
      await clock.advance(30_000);
      expect(turns).toEqual(['its disk is full', undefined]);
    });
    const { epoch } = life.view('a');
    await life.end();
    expect((await live()).view('a')).toMatchObject({ epoch, version: 2, value: 2 });
  });

  it('is reported once, and used again when it is back, with all that was missed', async () => {
    const turns: (string | undefined)[] = [];
    const life = await live({ onTurn: ({ failing }) => void turns.push(failing) });
    await life.set('a', 1);
    await rename(folder, `${folder}-away`);
    await until(() => expect(turns).toHaveLength(1));
    await life.set('a', 2);
    await rm(folder, { recursive: true, force: true });
    await rename(`${folder}-away`, folder);
    await until(() => expect(turns).toHaveLength(2));
    expect(turns[1]).toBeUndefined();
    await life.set('a', 3);
    const before = snapshot(life.view('a'));
    await life.end();
    expect(snapshot((await live()).view('a'))).toEqual(before);
  });
});

describe('an epoch goes on only where that is sure to be right', () => {
  /** What a life leaves when it ends without a word. */
  async function crashed(boot: string | undefined): Promise<{ epoch: string }> {
    const life = await live({ boot });
    await life.set('a', { n: 1 });
    const { epoch } = life.view('a');
    const journal = join(folder, JOURNAL);
    const bytes = readFileSync(journal);
    await life.end();
    writeFileSync(journal, bytes);
    return { epoch };
  }
  const epochOf = async (boot: string | undefined) => {
    const { topics, doubt } = await loadTopics(folder, boot);
    expect(topics.get('a')).toMatchObject({ version: 1, value: { n: 1 } });
    return { epoch: topics.get('a')!.epoch, doubt };
  };

  it('after a crash of the process', async () => {
    const { epoch } = await crashed('one');
    expect(await epochOf('one')).toEqual({ epoch, doubt: undefined });
  });

  it('not after a crash of the system', async () => {
    const { epoch } = await crashed('one');
    const found = await epochOf('two');
    expect(found.epoch).not.toBe(epoch);
    expect(found.doubt).toContain('started anew');
  });

  it('not after a crash where nobody knows whether it was the system', async () => {
    const { epoch } = await crashed(undefined);
    expect((await epochOf(undefined)).epoch).not.toBe(epoch);
  });

  it('after an orderly end, whatever became of the system', async () => {
    const life = await live({ boot: 'one' });
    await life.set('a', { n: 1 });
    const { epoch } = life.view('a');
    await life.end();
    expect(await epochOf('two')).toEqual({ epoch, doubt: undefined });
  });

  it('not in a copy, which may be older than what clients know', async () => {
    const life = await live();
    await life.set('a', { n: 1 });
    const { epoch } = life.view('a');
    await life.end();
    const journal = join(folder, JOURNAL);
    await copyFile(journal, `${journal}.backup`);
    await rename(`${journal}.backup`, journal);
    const found = await epochOf('one');
    expect(found.epoch).not.toBe(epoch);
    expect(found.doubt).toContain('a copy');
  });
});

describe('a file that was hurt', () => {
  /** A folder with a past; which value every version of every topic had. */
  async function makePast(): Promise<{
    bytes: Buffer;
    values: Map<string, string>;
    epochs: Map<string, string>;
    places: Map<string, Position | undefined>;
  }> {
    const values = new Map<string, string>();
    const epochs = new Map<string, string>();
    const places = new Map<string, Position | undefined>();
    const life = await live({ boot: 'one' });
    life.store.onFlush((flushes) => {
      for (const { topic, change } of flushes) {
        epochs.set(topic.name, topic.epoch);
        places.set(`${topic.name} ${topic.version}`, topic.position);
        if (topic.kind === 'state') values.set(`${topic.name} ${topic.version}`, topic.valueJson!);
        else if (change?.kind === 'events')
          for (const { version, text } of change.entries) values.set(`${topic.name} ${version}`, text);
      }
    });
    for (let n = 0; n < 12; n++) {
      life.store.writer('a')!.set({ n, list: [n, 'é', { deep: n % 3 }], pad: 'x'.repeat(150) });
      if (n % 2 === 0) life.store.writer('b')!.set(n % 4 === 0 ? [n] : { now: 'an object', n });
      if (n % 3 === 0) {
        life.store.writer('log')!.append({ n });
        life.store.writer('log')!.stand({ origin: 'a stream', at: `after ${n}` });
      }
      await life.store.flushed();
    }
    await life.end();
    return { bytes: readFileSync(join(folder, JOURNAL)), values, epochs, places };
  }

  /** Loads what is there, and holds every topic against what was true. */
  async function expectTruth(
    { values, epochs, places }: Awaited<ReturnType<typeof makePast>>,
    boot?: string,
  ) {
    const { topics, doubt } = await loadTopics(folder, boot);
    for (const { name, kind, epoch, version, value, position, history } of topics.values()) {
      if (doubt !== undefined) expect(epoch).not.toBe(epochs.get(name));
      else expect(epoch).toBe(epochs.get(name));
      expect(position).toEqual(places.get(`${name} ${version}`));
      if (kind === 'event') {
        for (const step of history) expect(step.text).toBe(values.get(`${name} ${step.version}`));
        continue;
      }
      expect(equal(value!, JSON.parse(values.get(`${name} ${version}`)!) as Json)).toBe(true);
      const oldest = history[0];
      if (!oldest) continue;
      let copy = JSON.parse(values.get(`${name} ${oldest.version - 1}`)!) as Json;
      for (const { text } of history) copy = applyPatch(copy, JSON.parse(`[${text}]`) as PatchOperation[]);
      expect(equal(copy, value!)).toBe(true);
    }
    return { topics, doubt };
  }

  it(
    'at any byte gives nothing but true values, in new epochs',
    async () => {
      const past = await makePast();
      const journal = join(folder, JOURNAL);
      const versions = new Set<number>();
      const boundaries = new Set<number>();
      for (let at = 0; at < past.bytes.length; at += 8 + past.bytes.readUInt32LE(at)) boundaries.add(at);
      for (let length = 1; length < past.bytes.length; length++) {
        if (boundaries.has(length)) continue;
        writeFileSync(journal, past.bytes.subarray(0, length));
        const { topics, doubt } = await expectTruth(past, 'one');
        expect(doubt).toBeDefined();
        versions.add(topics.get('a')?.version ?? 0);
      }
      expect(versions.size).toBe(13);
    },
    MANY_STARTS,
  );

  it('between two flushes of a system that never stopped goes on from the one before', async () => {
    const past = await makePast();
    const journal = join(folder, JOURNAL);
    let continued = 0;
    for (let at = 0; at < past.bytes.length; at += 8 + past.bytes.readUInt32LE(at)) {
      writeFileSync(journal, past.bytes.subarray(0, at));
      if ((await expectTruth(past, 'one')).doubt === undefined) continued += 1;
    }
    expect(continued).toBe(13);
  });

  it(
    'by a flipped bit anywhere likewise',
    async () => {
      const past = await makePast();
      const journal = join(folder, JOURNAL);
      await fc.assert(
        fc.asyncProperty(fc.nat(past.bytes.length - 1), fc.nat(7), async (at, bit) => {
          const bytes = Buffer.from(past.bytes);
          bytes[at]! ^= 1 << bit;
          writeFileSync(journal, bytes);
          expect((await expectTruth(past, 'one')).doubt).toBeDefined();
        }),
        { numRuns: 1_500 },
      );
    },
    MANY_STARTS,
  );

  it('by zeros at its end, as a power cut leaves them, likewise', async () => {
    const past = await makePast();
    writeFileSync(join(folder, JOURNAL), Buffer.concat([past.bytes.subarray(0, -30), Buffer.alloc(4_096)]));
    expect((await expectTruth(past, 'one')).doubt).toBeDefined();
  });

  it('is no reason not to start, and is put aside', async () => {
    const past = await makePast();
    for (const length of [0, 5, 9, 200, past.bytes.length - 3]) {
      writeFileSync(join(folder, JOURNAL), past.bytes.subarray(0, length));
      const life = await live();
      expect(life.keeper.loaded.doubt).toBeDefined();
      expect(life.keeper.state.failing).toBeUndefined();
      expect(life.view('a').epoch).not.toBe(past.epochs.get('a'));
      await life.set('a', { after: length });
      await life.end();
      const next = await live();
      expect(next.keeper.loaded.doubt).toBeUndefined();
      await next.end();
    }
    expect(existsSync(join(folder, 'topics.damaged'))).toBe(true);
  });
});

it('any values at all come back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(json(), { minLength: 1, maxLength: 8 }), async (values) => {
      const first = await live();
      for (const value of values) await first.set('a', value);
      // As text: JSON knows no -0.
      const before = JSON.stringify(snapshot(first.view('a')));
      await first.end();
      const second = await live();
      expect(JSON.stringify(snapshot(second.view('a')))).toBe(before);
      await second.end();
      await rm(join(folder, JOURNAL));
    }),
    { numRuns: 40 },
  );
});
