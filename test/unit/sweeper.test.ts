import { describe, expect, it } from 'vitest';
import type { ManualClock } from '../../server/async/manual-clock.js';
import { startSweeper } from '../../server/edge/sweeper.js';
import type { Connection, Outlet } from '../../server/hub/connection.js';
import { createHub, type Hub } from '../../server/hub/hub.js';
import { createStore } from '../../server/store/store.js';
import { type SettableClock, settableClock } from '../support/settable-clock.js';

const HEARTBEAT = 25_000;
const SLOW = 30_000;
const OUTBOX = 1_000;
/** How often the sweeper looks at most. */
const LOOK = 1_000;
const HOUR = 3_600_000;

interface Peer {
  connection: Connection;
  beats: number;
  droppedAt: number | undefined;
  buffered: number;
}

function setUp() {
  const settable = settableClock();
  let skipped = 0;
  /** Time goes by without a timer, as where the event loop is held. */
  const skip = (milliseconds: number) => {
    skipped += milliseconds;
    settable.setForth(milliseconds);
  };
  const clock: SettableClock = { ...settable, elapsed: () => settable.elapsed() + skipped };
  const hub = createHub(createStore({ clock }), {
    clock,
    outboxBytes: OUTBOX,
    subscriptionsPerConnection: 0,
  });
  const tooSlow: number[] = [];
  startSweeper(hub, {
    clock,
    heartbeat: HEARTBEAT,
    slowTimeout: SLOW,
    onTooSlow: () => tooSlow.push(clock.elapsed()),
  });
  return { clock, hub, tooSlow, skip };
}

/** A peer on a WebSocket that answers each beat while `alive` says so. */
function join(hub: Hub, clock: ManualClock, alive: () => boolean): Peer {
  const outlet: Outlet = {
    transport: 'websocket',
    format: { encode: ([part]) => Buffer.from(part!.text) },
    write(chunks) {
      for (const { length } of chunks) peer.buffered += length;
      return false;
    },
    get bufferedBytes() {
      return peer.buffered;
    },
    beat() {
      peer.beats += 1;
      if (alive()) peer.connection.hear(clock.elapsed());
    },
    answersBeats: true,
    finish() {},
    drop() {
      peer.droppedAt = clock.elapsed();
      hub.disconnect(peer.connection);
    },
  };
  const peer: Peer = { connection: hub.connect(outlet), beats: 0, droppedAt: undefined, buffered: 0 };
  return peer;
}

/** Steps timers until so much time has passed. */
async function pass(clock: ManualClock, milliseconds: number): Promise<void> {
  for (const until = clock.elapsed() + milliseconds; clock.elapsed() < until; ) await clock.step();
}

it('drops a peer that dies within two heartbeats, whenever that is, and none that lives', async () => {
  for (let after = 0; after < 3 * HEARTBEAT; after += 3_700) {
    const { clock, hub } = setUp();
    let dead = false;
    const dying = join(hub, clock, () => !dead);
    const living = join(hub, clock, () => true);
    await pass(clock, after);
    const died = clock.elapsed();
    dead = true;
    await pass(clock, 4 * HEARTBEAT);
    expect(dying.droppedAt! - died).toBeGreaterThan(0);
    expect(dying.droppedAt! - died).toBeLessThanOrEqual(2 * HEARTBEAT + 2 * LOOK);
    expect(living.droppedAt).toBeUndefined();
    expect(living.beats).toBeGreaterThan(2);
  }
});

it('beats once a heartbeat, without drift', async () => {
  const { clock, hub } = setUp();
  const peer = join(hub, clock, () => true);
  await pass(clock, 40 * HEARTBEAT);
  expect([39, 40]).toContain(peer.beats);
});

it('gives peers a chance to be heard when the event loop was held or the machine slept', async () => {
  const { clock, hub, skip } = setUp();
  let held = true;
  const peer = join(hub, clock, () => !held);
  await pass(clock, HEARTBEAT + 2 * LOOK);
  expect(peer.beats).toBe(1);
  skip(10 * HEARTBEAT);
  // Its answer lies in the socket: timers run first.
  await clock.step();
  peer.connection.hear(clock.elapsed());
  held = false;
  await pass(clock, 4 * HEARTBEAT);
  expect(peer.droppedAt).toBeUndefined();
  expect(peer.beats).toBeLessThanOrEqual(6);
});

it('counts a reader as slow from when it last took anything, and does not beat on it meanwhile', async () => {
  const { clock, hub, tooSlow } = setUp();
  const peer = join(hub, clock, () => false);
  peer.buffered = OUTBOX * 10;
  for (; peer.buffered > OUTBOX * 5; peer.buffered -= 500) await pass(clock, SLOW / 2);
  const stopped = clock.elapsed();
  expect(peer.droppedAt).toBeUndefined();
  await pass(clock, 2 * SLOW);
  expect(peer.beats).toBe(0);
  expect(tooSlow).toEqual([peer.droppedAt]);
  expect(peer.droppedAt! - stopped).toBeLessThanOrEqual(SLOW + 2 * LOOK);
});

it('leaves all the time to a reader that goes on taking, down to the last byte', async () => {
  const { clock, hub } = setUp();
  const peer = join(hub, clock, () => true);
  hub.tell(peer.connection, 'x'.repeat(OUTBOX + 100));
  for (; peer.buffered > 0; peer.buffered -= 100) await pass(clock, SLOW / 2);
  expect(peer.droppedAt).toBeUndefined();
  expect(peer.connection.room).toBe(false);
  hub.drained(peer.connection);
  await pass(clock, SLOW);
  expect(peer.droppedAt).toBeUndefined();
  expect(peer.connection.room).toBe(true);
  expect(hub.stats.congestions).toBe(1);
});

it('drops a reader that stops before it has emptied what was full, if little is left of it', async () => {
  const { clock, hub, tooSlow } = setUp();
  const peer = join(hub, clock, () => true);
  hub.tell(peer.connection, 'x'.repeat(OUTBOX + 100));
  await pass(clock, SLOW / 2);
  peer.buffered = 1;
  const taken = clock.elapsed();
  await pass(clock, 2 * SLOW);
  expect(tooSlow).toEqual([peer.droppedAt]);
  expect(peer.droppedAt! - taken).toBeLessThanOrEqual(SLOW + 2 * LOOK);
});

it('sees what a reader takes though more is added, and that one takes nothing of it', async () => {
  const { clock, hub } = setUp();
  const [taking, stopped] = [join(hub, clock, () => true), join(hub, clock, () => true)];
  for (const { connection } of [taking, stopped]) hub.tell(connection, 'x'.repeat(OUTBOX + 100));
  for (const full = clock.elapsed(); clock.elapsed() < full + 3 * SLOW; ) {
    taking.buffered -= 10;
    for (const { connection } of [taking, stopped]) hub.tell(connection, 'an answer of more than ten bytes');
    await pass(clock, LOOK);
  }
  expect(taking.buffered).toBeGreaterThan(OUTBOX + 100);
  expect(taking.droppedAt).toBeUndefined();
  expect(stopped.droppedAt).toBeLessThanOrEqual(SLOW + 2 * LOOK);
});

describe.each([
  ['forth', 'setForth'],
  ['back', 'setBack'],
] as const)('a time of day that is set %s by an hour', (_, set) => {
  it('puts off no beat and brings none forward', async () => {
    const beatsOver = async (setting: boolean) => {
      const { clock, hub } = setUp();
      const peer = join(hub, clock, () => true);
      await clock.advance(2.5 * HEARTBEAT);
      if (setting) clock[set](HOUR);
      await clock.advance(HEARTBEAT / 4);
      const soon = peer.beats;
      await clock.advance(2 * HEARTBEAT);
      expect(peer.droppedAt).toBeUndefined();
      return [soon, peer.beats];
    };
    expect(await beatsOver(true)).toEqual(await beatsOver(false));
  });

  it('leaves a peer all the time to answer, and no more', async () => {
    const { clock, hub } = setUp();
    let silent = false;
    const peer = join(hub, clock, () => !silent);
    await clock.advance(HEARTBEAT);
    silent = true;
    while (peer.beats === 0) await clock.advance(LOOK);
    const asked = clock.elapsed();
    clock[set](HOUR);
    await clock.advance(2 * HEARTBEAT);
    expect(peer.droppedAt! - asked).toBe(HEARTBEAT);
  });

  it('leaves a full outbox all the time to be taken, and no more', async () => {
    const { clock, hub, tooSlow } = setUp();
    const peer = join(hub, clock, () => false);
    peer.buffered = OUTBOX * 10;
    await clock.advance(2 * LOOK);
    const full = peer.connection.congestedAtElapsed!;
    clock[set](HOUR);
    await clock.advance(2 * SLOW);
    expect(tooSlow).toEqual([full + SLOW]);
  });
});
