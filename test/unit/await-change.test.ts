import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { awaitChange } from '../../server/edge/await-change.js';
import { createGatekeeper } from '../../server/edge/gatekeeper.js';
import { createHub } from '../../server/hub/hub.js';
import { createStore } from '../../server/store/store.js';
import { HeadwaterError } from '../../shared/errors.js';

function setUp(onDemand?: () => void) {
  const clock = manualClock();
  const store = createStore({ clock });
  store.declare({ topic: 'board', kind: 'state', served: false, history: { count: 10, bytes: 1_000 } });
  const hub = createHub(store, { clock, outboxBytes: 0, subscriptionsPerConnection: 0, onDemand });
  const limits = { connections: 0, connectionsPerAddress: 0, acceptPerSecond: 0 };
  const gatekeeper = createGatekeeper(limits, clock);
  const client = new AbortController();
  const exchange = { gone: client.signal, request: { remoteAddress: '127.0.0.1' } };
  const wait = awaitChange({ clock, gatekeeper, hub }, exchange, 'board', 30);
  const left = () => ({
    timers: clock.pending,
    guests: gatekeeper.inside,
    waiting: hub.subscribers('board'),
    listeners: getEventListeners(client.signal, 'abort').length,
  });
  return { client, clock, left, store, wait };
}

const NOTHING = { timers: 0, guests: 0, waiting: 0, listeners: 0 };

it('a wait that the topic refuses leaves nothing behind', async () => {
  const { left, wait } = setUp(() => {
    throw new HeadwaterError('limit', 'no topic more');
  });
  await expect(wait).rejects.toMatchObject({ code: 'limit' });
  expect(left()).toEqual(NOTHING);
});

it('a wait that ends with a change, with its time or with its client leaves nothing behind', async () => {
  const changed = setUp();
  expect(changed.left()).toEqual({ timers: 1, guests: 1, waiting: 1, listeners: 1 });
  changed.store.writer('board')!.set(1);
  await changed.wait;
  expect(changed.left()).toEqual(NOTHING);

  const late = setUp();
  await late.clock.advance(30_000);
  await late.wait;
  expect(late.left()).toEqual(NOTHING);

  const left = setUp();
  left.client.abort();
  await left.wait;
  expect(left.left()).toEqual(NOTHING);
});
