import { expect, it } from 'vitest';
import { createHub } from '../../server/hub/hub.js';
import { createStore } from '../../server/store/store.js';
import { arrays, hubReader } from '../support/hub-reader.js';

function setUp() {
  const store = createStore();
  store.declare({ topic: 'board', kind: 'state', served: false, history: { count: 10, bytes: 0 } });
  store.declare({ topic: 'log', kind: 'event', served: false, history: { count: 10, bytes: 0 } });
  return { store, hub: createHub(store, { outboxBytes: 0, subscriptionsPerConnection: 0 }) };
}

it('who subscribes again to a topic gets each change once', async () => {
  const { store, hub } = setUp();
  const { outlet, got } = hubReader();
  const connection = hub.connect(outlet);
  hub.subscribe(connection, 'board', { mode: 'value' });
  hub.subscribe(connection, 'board', { mode: 'value' });
  store.writer('board')!.set(1);
  await store.flushed();
  expect(got).toEqual(['value 1']);
  expect(hub.subscribers('board')).toBe(1);
});

it.each([
  ['of its format', [arrays()]],
  ['of other formats', [arrays(), arrays(), arrays(), arrays()]],
])('a reader that leaves while it is written to takes nothing from others %s', async (_, formats) => {
  const { store, hub } = setUp();
  const readers = Array.from({ length: 40 }, (_, index) => {
    const each = hubReader(formats[index % formats.length], () => {
      if (index === 1) hub.disconnect(connection);
    });
    const connection = hub.connect(each.outlet);
    hub.subscribe(connection, 'board', { mode: 'value' });
    return each;
  });
  store.writer('board')!.set(1);
  await store.flushed();
  expect(readers.map(({ got }) => got)).toEqual(Array.from({ length: 40 }, () => ['value 1']));
});

it('a cursor of this epoch that lies in the future gets the value, or the gap and each event once', async () => {
  const { store, hub } = setUp();
  store.writer('board')!.set(1);
  store.writer('log')!.append('a');
  await store.flushed();
  const { outlet, got } = hubReader();
  const connection = hub.connect(outlet);
  const resumed: boolean[] = [];
  for (const topic of ['board', 'log']) {
    const { epoch } = store.open(topic)!;
    hub.subscribe(connection, topic, { mode: 'patch', since: { epoch, version: 9 } }, (_, answer) => {
      resumed.push(answer);
      return '{"type":"subscribed"}';
    });
  }
  store.writer('log')!.append('b');
  await store.flushed();
  expect(resumed).toEqual([false, false]);
  expect(got).toEqual(['subscribed undefined', 'value 1', 'subscribed undefined', 'gap 1', 'event 2']);
});
