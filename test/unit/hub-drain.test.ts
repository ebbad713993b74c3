import { expect, it } from 'vitest';
import type { Outlet } from '../../server/hub/connection.js';
import { createHub } from '../../server/hub/hub.js';
import { createStore } from '../../server/store/store.js';

const CROWD = 20_000;
/** What one write costs at least, in ms. */
const WRITE = 0.01;

function outlet(told: number[]): Outlet {
  return {
    transport: 'sse',
    format: { encode: ([part]) => Buffer.from(part!.text) },
    write: () => true,
    bufferedBytes: 0,
    beat() {},
    answersBeats: false,
    finish(_last, reconnectAfter) {
      for (const began = performance.now(); performance.now() - began < WRITE; );
      told.push(reconnectAfter);
    },
    drop() {},
  };
}

/** How many items were done in each turn of the event loop until `work` ended. */
async function turnsOf(work: Promise<void>, done: () => number): Promise<number[]> {
  const turns: number[] = [];
  let before = 0;
  let over = false;
  void work.then(() => {
    over = true;
  });
  while (!over) {
    await new Promise((resolve) => setImmediate(resolve));
    turns.push(done() - before);
    before = done();
  }
  return turns;
}

it('a drain tells a crowd in portions, and others have their turn between', async () => {
  const hub = createHub(createStore(), { outboxBytes: 0, subscriptionsPerConnection: 0 });
  const told: number[] = [];
  for (let i = 0; i < CROWD; i++) hub.connect(outlet(told));
  const turns = await turnsOf(hub.drain(6_000), () => told.length);
  expect(told).toHaveLength(CROWD);
  expect(Math.max(...turns)).toBeLessThan(CROWD / 5);
});

it('a drain tells those too that come in while it is on', async () => {
  const hub = createHub(createStore(), { outboxBytes: 0, subscriptionsPerConnection: 0 });
  const told: number[] = [];
  const first = outlet(told);
  const late = outlet(told);
  hub.connect({
    ...first,
    finish(last, reconnectAfter) {
      first.finish(last, reconnectAfter);
      hub.connect(late);
    },
  });
  await hub.drain(1_000);
  expect(told).toHaveLength(2);
});

it('a drain spreads the times to come back evenly', async () => {
  const hub = createHub(createStore(), { outboxBytes: 0, subscriptionsPerConnection: 0 });
  const told: number[] = [];
  for (let i = 0; i < 1_000; i++) hub.connect(outlet(told));
  await hub.drain(1_000);
  const tenths = Array.from({ length: 10 }, (_, tenth) =>
    told.filter((time) => time >= tenth * 100 && time < (tenth + 1) * 100),
  );
  for (const each of tenths) expect(each.length).toBeGreaterThan(50);
});

it('a drain ends waits in portions too, counting what their ends bring about', async () => {
  const store = createStore();
  store.declare({ topic: 'board', kind: 'state', history: { count: 1, bytes: 1 }, served: false });
  const wanted: boolean[] = [];
  const hub = createHub(store, {
    outboxBytes: 0,
    subscriptionsPerConnection: 0,
    onDemand: (_, isWanted) => wanted.push(isWanted),
  });
  let answered = 0;
  for (let i = 0; i < CROWD; i++) {
    const ended = new Promise<void>((resolve) => hub.waitForChange('board', resolve));
    void ended.then(() => {
      for (const began = performance.now(); performance.now() - began < WRITE; );
      answered += 1;
    });
  }
  const turns = await turnsOf(hub.drain(0), () => answered);
  expect(answered).toBe(CROWD);
  expect(Math.max(...turns)).toBeLessThan(CROWD / 5);
  expect(wanted).toEqual([true, false]);
  expect(hub.subscribers('board')).toBe(0);
});

it('a connection that ends while others are told is left out', async () => {
  const hub = createHub(createStore(), { outboxBytes: 0, subscriptionsPerConnection: 0 });
  const told: number[] = [];
  const connections = Array.from({ length: 1_000 }, () => hub.connect(outlet(told)));
  const draining = hub.drain(1_000);
  await new Promise((resolve) => setImmediate(resolve));
  hub.disconnect(connections.at(-1)!);
  await draining;
  expect(told.length).toBeLessThan(1_000);
});
