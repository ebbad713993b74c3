import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { collectGarbage, reachableBytes } from '../../loadtest/stress/leaks.js';
import { createHub, type Hub } from '../../server/hub/hub.js';
import { createStore } from '../../server/store/store.js';
import { arrays, hubReader } from '../support/hub-reader.js';

const KIBI = 1024;
const MEBI = 1024 * KIBI;
/** Of a text in JSON. */
const QUOTES = 2;
/** More events than this are put into one share only where one event is longer. */
const SHARE = 64 * KIBI;

const format = arrays();

/** An event topic `log` with events of those sizes, and a hub over it. */
async function setUp(sizes: readonly number[], count = sizes.length) {
  const store = createStore();
  store.declare({ topic: 'log', kind: 'event', served: false, history: { count, bytes: 64 * MEBI } });
  const log = store.writer('log')!;
  for (const size of sizes) log.append('x'.repeat(size));
  await store.flushed();
  const hub = createHub(store, { outboxBytes: 0, subscriptionsPerConnection: 0 });
  return { store, log, hub, epoch: store.open('log')!.epoch };
}

/** Resumes, and says what it was told. */
function resume(hub: Hub, epoch: string, version: number): string[] {
  const { outlet, got } = hubReader(format);
  hub.subscribe(hub.connect(outlet), 'log', { mode: 'patch', since: { epoch, version } });
  return got;
}

it('a crowd that stopped at any versions gets all it missed, for an encoding a share and one a stop', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 100 * KIBI }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.nat(29), { minLength: 1, maxLength: 20 }),
      async (sizes, count, anywhere) => {
        const { hub, epoch } = await setUp(sizes, count);
        const begin = Math.max(0, sizes.length - count);
        const stops = anywhere.map((stop) => stop % sizes.length);
        for (const stop of [...stops, ...stops]) {
          const gap = stop < begin ? [`gap ${begin}`] : [];
          const from = Math.max(stop, begin);
          const events = sizes.slice(from).map((_, index) => `event ${from + index + 1}`);
          expect(resume(hub, epoch, stop)).toEqual([...gap, ...events]);
        }
        const kept = sizes.slice(begin).reduce((sum, size) => sum + size + QUOTES, 0);
        // Two shares that follow each other are longer than one may be.
        const shares = 2 * Math.ceil(kept / SHARE) + 1;
        expect(hub.stats.encodings).toBeLessThanOrEqual(shares + new Set(stops).size);
      },
    ),
    { numRuns: 40 },
  );
});

it('a crowd finds all shares of a history, however long that is', async () => {
  const { hub, epoch } = await setUp(Array.from({ length: 100 }, () => 60 * KIBI));
  for (let reader = 0; reader < 20; reader++) expect(resume(hub, epoch, 0)).toHaveLength(100);
  expect(hub.stats.encodings).toBe(100);
});

it('what is kept for crowds is bounded, though somebody asks from each version in turn', async () => {
  const events = 200;
  const size = 5 * KIBI;
  const { hub, epoch } = await setUp(Array.from({ length: events }, () => size));
  const answers: WeakRef<Uint8Array>[] = [];
  for (let version = 0; version < events; version++) {
    answers.push(new WeakRef(hub.since('log', { epoch, version }, format)!));
  }
  await collectGarbage();
  let kept = 0;
  for (const answer of answers) kept += answer.deref()?.length ?? 0;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(MEBI + 4 * events * (size + KIBI));
});

it('that bound is one of memory: small events, in every format, take no more', async () => {
  const events = 1000;
  const { hub, epoch } = await setUp(Array.from({ length: events }, () => 8));
  const before = await reachableBytes();
  const formats = [format, { ...format }, { ...format }];
  for (let version = 0; version < events; version++) {
    for (const each of formats) hub.since('log', { epoch, version }, each);
  }
  const kept = (await reachableBytes()) - before;
  // The bound is some 2 MiB, the rest is for what the engine takes itself; all of it would be some hundred.
  expect(kept).toBeLessThan(5 * MEBI);
  expect(String(hub.since('log', { epoch, version: events - 1 }, format))).toContain(`"version":${events},`);
});

it.each(['a topic that is watched', 'one that nobody watches'])(
  'nothing is kept of what %s was',
  async (which) => {
    const { hub, epoch, log, store } = await setUp([10, 10, 10]);
    if (which === 'a topic that is watched') hub.watch('log', () => {});
    const answers = [0, 1, 2].map((version) => new WeakRef(hub.since('log', { epoch, version }, format)!));
    answers.push(new WeakRef(hub.records('log', format)));
    log.append('news');
    await store.flushed();
    await collectGarbage();
    expect(answers.filter((answer) => answer.deref())).toEqual([]);
    expect(String(hub.records('log', format))).toContain('{"version":4,"event":"news"}');
  },
);
