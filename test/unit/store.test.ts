import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createStore, type Store } from '../../server/store/store.js';
import type { TopicFlush } from '../../server/store/topic.js';
import type { Json } from '../../shared/json.js';
import { applyPatch, type PatchOperation } from '../../shared/patch.js';
import { relatedPair } from '../support/json-arbitrary.js';

const HISTORY = { count: 4, bytes: 100_000 };

function storeWith(topic: string, kind: 'state' | 'event' = 'state', history = HISTORY) {
  const store = createStore();
  store.declare({ topic, kind, history, served: false });
  const flushes: TopicFlush[] = [];
  store.onFlush((batch) => flushes.push(...batch));
  return { store, writer: store.writer(topic)!, flushes };
}

async function commit(store: Store, topic: string, ...values: Json[]): Promise<void> {
  for (const value of values) store.writer(topic)!.set(value);
  await store.flushed();
}

const operations = (text: string) => JSON.parse(`[${text}]`) as PatchOperation[];

describe('a state topic', () => {
  it('has no version and no value before its first flush', () => {
    const { writer } = storeWith('t');
    writer.set(1);
    expect(writer.view).toMatchObject({ version: 0, value: undefined, dirty: true });
    expect(writer.latest).toBe(1);
  });

  it('makes one version of ten commits in one turn', async () => {
    const { store, flushes } = storeWith('t');
    await commit(store, 't', ...Array.from({ length: 10 }, (_, i) => i));
    expect(flushes).toHaveLength(1);
    expect(store.open('t')).toMatchObject({ version: 1, value: 9, dirty: false });
  });

  it('says the first value as a value and later ones as patches', async () => {
    const { store, flushes } = storeWith('t');
    await commit(store, 't', { a: 1, text: 'x'.repeat(200) });
    await commit(store, 't', { a: 2, text: 'x'.repeat(200) });
    expect(flushes.map(({ change }) => change)).toEqual([
      { kind: 'value', version: 1 },
      { kind: 'patch', from: 1, version: 2, patchJson: '{"op":"replace","path":"/a","value":2}' },
    ]);
  });

  it('makes no version of an equal value, but notes that it was checked', async () => {
    const { store, flushes } = storeWith('t');
    await commit(store, 't', { a: [1, 2] });
    await commit(store, 't', { a: [1, 2] });
    expect(store.open('t')!.version).toBe(1);
    expect(flushes[1]).toMatchObject({ change: undefined, checked: true, turned: undefined });
  });

  it('patches what was just committed, null included', async () => {
    const { store, writer } = storeWith('t');
    await commit(store, 't', { a: 1 });
    writer.set(null);
    expect(writer.latest).toBe(null);
    expect(() => writer.patch([{ op: 'add', path: '/b', value: 1 }])).toThrow();
    await store.flushed();
    expect(writer.view.value).toBe(null);
  });

  it('makes no version when commits of one turn lead back to where they began', async () => {
    const { store, flushes } = storeWith('t');
    await commit(store, 't', 1);
    await commit(store, 't', 2, 1);
    expect(store.open('t')!.version).toBe(1);
    expect(flushes).toHaveLength(2);
  });

  it('says the value where the patch would be larger', async () => {
    const { store, flushes } = storeWith('t');
    await commit(
      store,
      't',
      Array.from({ length: 50 }, (_, i) => ({ n: i })),
    );
    await commit(
      store,
      't',
      Array.from({ length: 50 }, (_, i) => ({ n: i + 1_000 })),
    );
    expect(flushes[1]!.change).toEqual({ kind: 'value', version: 2 });
    expect(store.open('t')!.since(1)).toBeUndefined();
  });

  it('says the value where the patch would replace it whole', async () => {
    const { store, flushes } = storeWith('t');
    await commit(store, 't', 1);
    await commit(store, 't', [1]);
    expect(flushes[1]!.change).toEqual({ kind: 'value', version: 2 });
  });

  it('keeps the last patches for resume, and no further back', async () => {
    const { store } = storeWith('t');
    for (let n = 0; n < 8; n++) await commit(store, 't', { n });
    const topic = store.open('t')!;
    expect(topic.reachesBackTo).toBe(4);
    expect(topic.since(3)).toBeUndefined();
    expect(topic.since(4)!.map(({ version }) => version)).toEqual([5, 6, 7, 8]);
    expect(topic.since(8)).toEqual([]);
    expect(topic.since(9)).toBeUndefined();
  });

  it('bounds its history by bytes', async () => {
    const { store } = storeWith('t', 'state', { count: 100, bytes: 150 });
    for (let n = 0; n < 10; n++) await commit(store, 't', { n });
    expect(store.open('t')!.since(9)).toHaveLength(1);
    expect(store.open('t')!.reachesBackTo).toBeGreaterThan(5);
  });

  it('leads any value to any other through its history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(relatedPair(), { minLength: 1, maxLength: 4 }), async (pairs) => {
        const { store, flushes } = storeWith('t');
        let held: Json | undefined;
        for (const value of pairs.flat()) {
          flushes.length = 0;
          await commit(store, 't', value as Json);
          const change = flushes[0]!.change;
          if (change?.kind === 'value') held = JSON.parse(store.open('t')!.valueJson!) as Json;
          if (change?.kind === 'patch') held = applyPatch(held!, operations(change.patchJson));
          expect(JSON.parse(JSON.stringify(held))).toEqual(JSON.parse(JSON.stringify(value)));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('tells once that its source fails and once that it works again', async () => {
    const { store, writer, flushes } = storeWith('t');
    await commit(store, 't', 1);
    for (let i = 0; i < 3; i++) {
      writer.fail('no answer');
      await store.flushed();
    }
    writer.checked();
    await store.flushed();
    expect(flushes.map(({ turned }) => turned)).toEqual([undefined, 'stale', 'fresh']);
    expect(writer.view.value).toBe(1);
  });

  it('shows one consistent state between commit and flush', async () => {
    const { store, writer } = storeWith('t');
    writer.set(1, 1_000);
    await store.flushed();
    writer.set(2, 2_000);
    writer.fail('no answer');
    expect(writer.view).toMatchObject({ value: 1, asOf: 1_000, freshness: { stale: false } });
    await store.flushed();
    expect(writer.view).toMatchObject({ value: 2, asOf: 2_000, freshness: { stale: true } });
  });

  it('is left as it was by a patch that does not apply', async () => {
    const { store, writer } = storeWith('t');
    await commit(store, 't', { a: 1 });
    const patch: PatchOperation[] = [
      { op: 'replace', path: '/a', value: 2 },
      { op: 'remove', path: '/b' },
    ];
    expect(() => writer.patch(patch)).toThrow(expect.objectContaining({ code: 'patch_conflict' }));
    await store.flushed();
    expect(writer.view).toMatchObject({ version: 1, value: { a: 1 } });
  });

  it('refuses a value nested so deep that encoding it would overflow the stack', async () => {
    const { store, writer } = storeWith('t');
    const deep = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)) as Json;
    expect(() => writer.set(deep)).toThrow(expect.objectContaining({ code: 'too_large' }));
    await commit(store, 't', 'fine');
    expect(writer.view.value).toBe('fine');
  });
});

describe('an event topic', () => {
  it('gives every event a version of its own', async () => {
    const { store, writer, flushes } = storeWith('t', 'event');
    expect([writer.append('a'), writer.append('b')]).toEqual([1, 2]);
    await store.flushed();
    expect(flushes[0]!.change).toMatchObject({ kind: 'events', from: 0, version: 2 });
    expect(writer.view.since(0)!.map(({ text }) => text)).toEqual(['"a"', '"b"']);
  });

  it('cannot be set, nor a state topic appended to', () => {
    const refusal = (message: string) => expect.objectContaining({ code: 'bad_request', message });
    expect(() => storeWith('t', 'event').writer.set(1)).toThrow(
      refusal('"t" is a topic of kind event: it takes an event, not a value or a patch'),
    );
    expect(() => storeWith('t').writer.append(1)).toThrow(
      refusal('"t" is a topic of kind state: it takes a value or a patch, not an event'),
    );
  });
});

describe('the store', () => {
  it('knows only topics that something declares', () => {
    const { store } = storeWith('chat/{room}', 'event');
    expect(store.open('chat/blue')?.name).toBe('chat/blue');
    for (const name of ['chat', 'chat/', 'chat/a/b', 'chat/{room}', 'other', 'chat/ä']) {
      expect(store.open(name)).toBeUndefined();
    }
  });

  it('prefers the exact name to a pattern', () => {
    const { store } = storeWith('a/{x}', 'event');
    store.declare({ topic: 'a/b', kind: 'state', history: HISTORY, served: false });
    expect(store.open('a/b')!.kind).toBe('state');
  });

  it('refuses a declaration that is none, or a second one of a name', () => {
    const { store } = storeWith('t');
    for (const topic of ['t', '', 'a//b', '/a', 'a b', '../x', 'a/{', '{a}{b c}']) {
      const declare = () => store.declare({ topic, kind: 'state', history: HISTORY, served: false });
      expect(declare, topic).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    }
  });

  it('makes no more topics than it may', () => {
    const store = createStore({ maxTopics: 2 });
    store.declare({ topic: 'x/{n}', kind: 'state', history: HISTORY, served: false });
    store.open('x/1');
    store.open('x/2');
    expect(() => store.open('x/3')).toThrow(expect.objectContaining({ code: 'limit' }));
    expect(store.open('x/1')?.name).toBe('x/1');
  });

  it('gives each life of a topic its own epoch', () => {
    expect(storeWith('t').writer.view.epoch).not.toBe(storeWith('t').writer.view.epoch);
  });

  it('gathers commits for as long as it is told to', async () => {
    const clock = manualClock();
    const store = createStore({ clock, flush: 10 });
    store.declare({ topic: 't', kind: 'state', history: HISTORY, served: false });
    const writer = store.writer('t')!;
    writer.set(1);
    await clock.advance(9);
    writer.set(2);
    expect(writer.view.version).toBe(0);
    await clock.advance(1);
    expect(writer.view).toMatchObject({ version: 1, value: 2 });
    expect(clock.pending).toBe(0);
  });

  it('flushes what waits when it closes, and takes no more', () => {
    const clock = manualClock();
    const store = createStore({ clock, flush: 1_000 });
    store.declare({ topic: 't', kind: 'state', history: HISTORY, served: false });
    const writer = store.writer('t')!;
    writer.set(1);
    store.close();
    store.close();
    expect(writer.view.version).toBe(1);
    expect(clock.pending).toBe(0);
    expect(() => writer.set(2)).toThrow(expect.objectContaining({ code: 'closed' }));
  });
});
