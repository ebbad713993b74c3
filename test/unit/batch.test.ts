import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordsOf } from '../../server/source/batch/records.js';
import { URL_BYTES } from '../../server/source/batch/url.js';
import { SourceError } from '../../server/source/source-error.js';
import { batchOnManualClock } from '../support/batch.js';

const symbols = (count: number) => Array.from({ length: count }, (_, i) => `S${i}`);

describe('ten thousand instances', () => {
  it('are a hundred requests an interval, evenly spread, and a commit only for those that changed', async () => {
    const { clock, join, taken, upstream, store, batch } = batchOnManualClock();
    let round = 0;
    upstream.answer = (names) =>
      names.map((symbol) => ({ symbol, price: Number(symbol.slice(1)) % 100 === 0 ? round : 1 }));
    const instances = symbols(10_000).map(join);
    await clock.advance(5);
    expect(taken()).toHaveLength(100);
    await clock.advance(1_000);
    taken();
    const versions = () => instances.reduce((sum, { view }) => sum + view.version, 0);
    for (round = 1; round <= 3; round++) {
      await store.flushed();
      const before = versions();
      await clock.advance(1_000);
      await store.flushed();
      const requests = taken();
      expect(requests).toHaveLength(100);
      expect(new Set(requests.flatMap(({ names }) => names)).size).toBe(10_000);
      const gaps = requests.slice(1).map(({ at }, i) => at - requests[i]!.at);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1_000 / 64);
      expect(versions() - before).toBe(100);
    }
    expect(batch.stats).toMatchObject({ instances: 10_000, missing: 0, failures: 0 });
    await batch.close();
  });
});

describe('an instance', () => {
  it('that is new is asked for at once, with the others of the same moment, and then rides with its group', async () => {
    const { clock, join, taken } = batchOnManualClock();
    join('A');
    await clock.advance(405);
    taken();
    join('B');
    await clock.advance(2);
    join('C');
    await clock.advance(3);
    expect(taken()).toMatchObject([{ at: 410, names: ['B', 'C'] }]);
    await clock.advance(1_000);
    expect(taken().map(({ names }) => names)).toEqual([['A', 'B', 'C']]);
  });

  it('whose value was kept over a restart is asked for when that is due', async () => {
    const { clock, join, taken, store } = batchOnManualClock();
    store.writer('price/A')!.set({ symbol: 'A', price: 1 }, clock.now() - 400);
    await store.flushed();
    const { view, refresher } = join('A');
    await refresher.freshen();
    await clock.advance(599);
    expect(taken()).toEqual([]);
    await clock.advance(6);
    expect(taken()).toMatchObject([{ at: 605, names: ['A'] }]);
    expect(view.version).toBe(1);
    await clock.advance(1_000);
    expect(taken()).toHaveLength(1);
  });

  it('that the answer leaves out is stale alone, and fresh when it comes back', async () => {
    const { clock, join, upstream, store, batch } = batchOnManualClock();
    const [a, b] = [join('A'), join('B')];
    await clock.advance(5);
    upstream.answer = () => [{ symbol: 'B', price: 2 }];
    await clock.advance(1_000);
    await store.flushed();
    expect(a.view.freshness).toEqual({ stale: true, error: 'https://api.example/prices left it out' });
    expect(a.view.value).toEqual({ symbol: 'A', price: 1 });
    expect(b.view.freshness.stale).toBe(false);
    expect(batch.stats.missing).toBe(1);
    upstream.answer = (names) => names.map((symbol) => ({ symbol, price: 1 }));
    await clock.advance(1_000);
    await store.flushed();
    expect(a.view.freshness.stale).toBe(false);
    expect(batch.stats.missing).toBe(0);
  });

  it('that stays left out stays stale while the answer is unchanged', async () => {
    const { clock, join, upstream, store } = batchOnManualClock();
    const [a, b] = [join('A'), join('B')];
    upstream.answer = (_names, { previous }) =>
      previous === undefined ? [{ symbol: 'B', price: 2 }] : { kind: 'unchanged' };
    await clock.advance(3_005);
    await store.flushed();
    expect(a.view.freshness.stale).toBe(true);
    expect(b.view).toMatchObject({ version: 1, freshness: { stale: false } });
  });

  it('that leaves drops out of the next request; when nobody watches nothing is asked, and no timer waits', async () => {
    const { clock, join, taken } = batchOnManualClock();
    const [a, b] = [join('A'), join('B')];
    await clock.advance(5);
    a.refresher.setDemand(false);
    await clock.advance(1_000);
    expect(taken().map(({ names }) => names)).toEqual([['A', 'B'], ['B']]);
    b.refresher.setDemand(false);
    await clock.advance(10_000);
    expect(taken()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('is asked for once by all who read it, and not again while it is fresh', async () => {
    const { clock, begin, taken } = batchOnManualClock();
    const { refresher } = begin('A');
    const reads = Promise.all([refresher.freshen(), refresher.freshen(), refresher.refresh()]);
    await clock.advance(5);
    await reads;
    await refresher.freshen();
    expect(taken().map(({ names }) => names)).toEqual([['A']]);
    await clock.advance(2_000);
    const later = refresher.freshen();
    await clock.advance(5);
    await later;
    expect(taken()).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

describe('a request that fails', () => {
  it('makes all stale for whom it was, is tried again after a while, and makes them fresh', async () => {
    const { clock, join, taken, upstream, store, errors } = batchOnManualClock();
    const both = [join('A'), join('B')];
    await clock.advance(5);
    taken();
    upstream.answer = () => new SourceError('down');
    await clock.advance(1_000);
    await store.flushed();
    for (const { view } of both) expect(view.freshness).toEqual({ stale: true, error: 'down' });
    expect(errors).toHaveLength(1);
    upstream.answer = (names) => names.map((symbol) => ({ symbol, price: 1 }));
    await clock.advance(4_000);
    await store.flushed();
    for (const { view } of both) expect(view.freshness.stale).toBe(false);
    // Back at its old place in the interval.
    expect(
      new Set(
        taken()
          .slice(-2)
          .map(({ at }) => at % 1_000),
      ),
    ).toEqual(new Set([5]));
  });

  it('waits out a Retry-After, for newcomers too', async () => {
    const { clock, join, taken, upstream } = batchOnManualClock();
    upstream.answer = () => new SourceError('busy', { retryAfter: 60_000 });
    join('A');
    await clock.advance(5);
    join('B');
    await clock.advance(50_000);
    expect(taken()).toHaveLength(1);
    await clock.advance(20_000);
    expect(
      taken()
        .flatMap(({ names }) => names)
        .toSorted(),
    ).toEqual(['A', 'B']);
  });

  it('is made again as soon as its host is well', async () => {
    const asked: number[] = [];
    const wells = new Set<() => void>();
    let sick = true;
    const { clock, join, batch } = batchOnManualClock({
      source: () => ({
        label: 'x',
        async fetch() {
          asked.push(clock.now());
          if (sick) throw new SourceError('x is sick');
          return { kind: 'value', value: [] };
        },
        watch(changed, signal) {
          wells.add(changed);
          signal.addEventListener('abort', () => wells.delete(changed));
        },
      }),
    });
    const { refresher } = join('A');
    while (asked.length < 6) await clock.advance(1_000);
    await clock.advance(1);
    sick = false;
    expect(wells.size).toBe(1);
    for (const well of wells) well();
    await clock.advance(0);
    expect(asked).toHaveLength(7);
    await clock.advance(1_000);
    expect(asked).toHaveLength(8);
    await refresher.close();
    await batch.close();
    expect([wells.size, clock.pending]).toEqual([0, 0]);
  });

  it('because of one name is told apart from the others in the end', async () => {
    const { clock, join, upstream, store } = batchOnManualClock({ max: 8 });
    upstream.answer = (names) =>
      names.includes('S3') ? new SourceError('bad name') : names.map((symbol) => ({ symbol, price: 1 }));
    const good = join('well');
    await clock.advance(5);
    const instances = symbols(8).map(join);
    await clock.advance(120_000);
    await store.flushed();
    expect(good.view.freshness.stale).toBe(false);
    expect(instances.filter(({ view }) => view.freshness.stale).map(({ view }) => view.name)).toEqual([
      'price/S3',
    ]);
  });

  it('for want of time is aborted', async () => {
    const { clock, join, upstream, store, requests } = batchOnManualClock({ timeout: 2_000 });
    upstream.answer = (_names, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const { view } = join('A');
    await clock.advance(2_010);
    await store.flushed();
    expect(requests[0]!.context.signal.aborted).toBe(true);
    expect(view.freshness).toMatchObject({ stale: true, error: expect.stringMatching(/within 2 s$/) });
  });
});

describe('a transform', () => {
  it('makes the value of each record that changed, and makes stale only the topic that it fails for', async () => {
    const seen: string[] = [];
    const { clock, join, store } = batchOnManualClock({
      async transform(record, { topic }) {
        seen.push(topic);
        if (topic === 'price/B') throw new SourceError('no');
        return { of: record };
      },
    });
    const [a, b] = [join('A'), join('B')];
    await clock.advance(2_005);
    await store.flushed();
    expect(a.view.value).toEqual({ of: { symbol: 'A', price: 1 } });
    expect(a.view.freshness.stale).toBe(false);
    expect(b.view.freshness).toEqual({ stale: true, error: 'no' });
    expect(seen.filter((topic) => topic === 'price/A')).toHaveLength(1);
    expect(seen.filter((topic) => topic === 'price/B').length).toBeGreaterThan(1);
  });
});

describe('close', () => {
  it('of the last one who wants a request calls it off, and awaits it', async () => {
    const { clock, join, upstream, requests, errors, batch } = batchOnManualClock();
    upstream.answer = (_names, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const both = [join('A'), join('B')];
    await clock.advance(5);
    await both[0]!.refresher.close();
    expect(requests[0]!.context.signal.aborted).toBe(false);
    await both[1]!.refresher.close();
    expect(requests[0]!.context.signal.aborted).toBe(true);
    await batch.close();
    expect(errors).toEqual([]);
    expect(clock.pending).toBe(0);
    await expect(both[0]!.refresher.refresh()).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('a URL', () => {
  it('never becomes longer than 8,000 bytes', async () => {
    const { clock, join, taken } = batchOnManualClock({ max: 1_000 });
    const long = Array.from({ length: 200 }, (_, i) => `${'~:@'.repeat(30)}${i}`);
    for (const symbol of long) join(symbol);
    await clock.advance(1_005);
    const requests = taken();
    expect(Math.max(...requests.map(({ url }) => url.length))).toBeLessThanOrEqual(URL_BYTES);
    expect(Math.max(...requests.map(({ url }) => url.length))).toBeGreaterThan(URL_BYTES - 400);
    expect(new Set(requests.flatMap(({ names }) => names))).toEqual(new Set(long));
  });
});

describe('the records of an answer', () => {
  const find = (answer: Parameters<typeof recordsOf>[0], by?: string) => recordsOf(answer, by, 'http://a/');

  it('are found by a field, a pointer or the keys of an object', () => {
    expect(find([{ id: 7 }], 'id')('7')).toEqual({ id: 7 });
    expect(find([{ a: { b: 'x' } }], '/a/b')('x')).toEqual({ a: { b: 'x' } });
    expect(find({ x: 1 }, 'id')('x')).toBe(1);
    expect(
      find(
        [
          { id: 'x', n: 1 },
          { id: 'x', n: 2 },
        ],
        'id',
      )('x'),
    ).toEqual({ id: 'x', n: 2 });
  });

  it('are never taken from a prototype', () => {
    expect(find({})('__proto__')).toBeUndefined();
    expect(find({})('constructor')).toBeUndefined();
    expect(find(JSON.parse('{"__proto__":1}'))('__proto__')).toBe(1);
    expect(find(JSON.parse('[{"id":"__proto__"}]'), 'id')('__proto__')).toEqual({ id: '__proto__' });
  });

  it('are asked for in vain where nothing names them', () => {
    expect(() => find('x')).toThrow('http://a/ answered neither a list of records nor an object');
    expect(() => find([{ id: 1 }])).toThrow(/set "by"/);
    expect(() => find([{ id: 1 }, null, 3], 'symbol')).toThrow(/of which none has "symbol"$/);
    expect(find([], 'id')('x')).toBeUndefined();
  });
});

describe('whatever comes and goes', () => {
  it('each that is watched is asked for once an interval, in requests within the bound', async () => {
    const move = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), n: fc.nat(30) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave' as const), n: fc.nat(30) }) },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), n: fc.integer({ min: 1, max: 2_500 }) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(move, { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        async (moves, max) => {
          const { clock, begin, taken, batch } = batchOnManualClock({ max });
          const instances = new Map<string, ReturnType<typeof begin>>();
          const watched = new Set<string>();
          for (const { kind, n } of moves) {
            const name = `S${n}`;
            if (kind === 'wait') await clock.advance(n);
            else {
              if (!instances.has(name)) instances.set(name, begin(name));
              instances.get(name)!.refresher.setDemand(kind === 'join');
              if (kind === 'join') watched.add(name);
              else watched.delete(name);
            }
          }
          // Everyone has a place by now.
          await clock.advance(2_010);
          taken();
          await clock.advance(1_000);
          // A group that has gone up in another may fall into one interval twice or not at all, once.
          const first = taken();
          await clock.advance(1_000);
          const second = taken();
          for (const { names } of [...first, ...second]) expect(names.length).toBeLessThanOrEqual(max);
          expect(second.flatMap(({ names }) => names).toSorted()).toEqual([...watched].toSorted());
          expect(batch.stats.instances).toBe(watched.size);
          await Promise.all([...instances.values()].map(({ refresher }) => refresher.close()));
          await batch.close();
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
