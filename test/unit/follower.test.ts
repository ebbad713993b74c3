import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import type { FollowerOptions } from '../../server/source/stream/follower.js';
import type { PushContext, Pushed, PushSource } from '../../server/source/stream/push-source.js';
import type { SavedTopic } from '../../server/store/durable/saved-topic.js';
import { follow } from '../support/followed.js';

/** A source whose connections the test feeds by hand. */
function scripted() {
  const connections: {
    after: string | undefined;
    push(...items: Pushed[]): void;
    end(error?: Error): void;
  }[] = [];
  let back = () => {};
  async function* connect({ after, signal }: PushContext): AsyncGenerator<readonly Pushed[]> {
    let batch: Pushed[] = [];
    let over: { error: Error | undefined } | undefined;
    let wake = () => {};
    const push = (...items: Pushed[]) => {
      batch.push(...items);
      wake();
    };
    const end = (error?: Error) => {
      over = { error };
      wake();
    };
    signal.addEventListener('abort', () => wake());
    connections.push({ after, push, end });
    for (;;) {
      signal.throwIfAborted();
      if (batch.length > 0) {
        const taken = batch;
        batch = [];
        yield taken;
      } else if (over) {
        if (over.error) throw over.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  const source: PushSource = {
    label: 'a source',
    connect,
    originFor: () => 'here',
    watch: (heard) => {
      back = heard;
    },
  };
  return { source, connections, back: () => back() };
}

const OPEN: Pushed = { kind: 'open', resumed: false };
const message = (value: number, at?: string): Pushed => ({ kind: 'message', value, at });

function setup(options: Partial<FollowerOptions> & { kept?: SavedTopic } = {}) {
  const clock = manualClock();
  const script = scripted();
  return { clock, ...script, ...follow(script.source, { clock, random: () => 0.5, ...options }) };
}

describe('demand', () => {
  it('connects, and a linger after the last subscriber left it ends; then it goes on where it was', async () => {
    const { clock, connections, follower, told } = setup({ when: 'subscribed', linger: 1_000 });
    await clock.advance(10_000);
    expect(connections).toHaveLength(0);
    follower.setDemand(true);
    await clock.runUntilIdle();
    connections[0]!.push(OPEN, message(1, 'a'));
    await clock.runUntilIdle();
    follower.setDemand(false);
    await clock.advance(999);
    expect(follower.stats.connected).toBe(true);
    await clock.advance(1);
    await clock.runUntilIdle();
    expect(follower.stats.connected).toBe(false);
    expect(clock.pending).toBe(0);
    follower.setDemand(true);
    await clock.runUntilIdle();
    expect(connections.map(({ after }) => after)).toEqual([undefined, 'a']);
    expect(told).toEqual([1]);
  });

  it('does not hurry an upstream that asked to be left alone', async () => {
    const { clock, connections, follower } = setup({ when: 'subscribed', linger: 0 });
    follower.setDemand(true);
    await clock.runUntilIdle();
    connections[0]!.end(new Error('down'));
    await clock.runUntilIdle();
    for (let i = 0; i < 3; i++) {
      follower.setDemand(false);
      await clock.advance(0);
      follower.setDemand(true);
      await clock.runUntilIdle();
    }
    expect(connections).toHaveLength(1);
    await clock.advance(500);
    expect(connections).toHaveLength(2);
  });
});

describe('a failure', () => {
  it('waits, unless the upstream is heard to be back', async () => {
    const { clock, connections, back, told } = setup();
    await clock.runUntilIdle();
    connections[0]!.end();
    await clock.runUntilIdle();
    expect(told).toEqual(['stale: a source ended the stream']);
    back();
    await clock.runUntilIdle();
    expect(connections).toHaveLength(2);
  });

  it('of foreign kind is told in general, and logged whole', async () => {
    const { clock, connections, told, errors } = setup();
    await clock.runUntilIdle();
    const error = new TypeError('https://user:secret@a.example/');
    connections[0]!.end(error);
    await clock.runUntilIdle();
    expect(told).toEqual(['stale: a source failed']);
    expect(errors).toEqual([error]);
  });
});

describe('a value that was kept over a restart', () => {
  const kept = (origin?: string): SavedTopic => ({
    name: 't',
    kind: 'state',
    epoch: 'k3x9',
    version: 7,
    value: 1,
    asOf: 500_000,
    changedAt: 500_000,
    stale: undefined,
    position: origin === undefined ? undefined : { origin, at: 'a' },
    history: [],
  });

  function restarted(before: SavedTopic, options: Partial<FollowerOptions> = {}) {
    const running = setup({ ...options, kept: before });
    return {
      ...running,
      /** All that happens without time has happened, and been told. */
      async settled() {
        await running.clock.runUntilIdle();
        await running.store.flushed();
      },
    };
  }

  it('is as old as it was until the connection that goes on behind it stands', async () => {
    const { clock, settled, connections, view, told } = restarted(kept('here'));
    await settled();
    expect(connections.map(({ after }) => after)).toEqual(['a']);
    expect(view).toMatchObject({ asOf: 500_000, freshness: { stale: false } });
    connections[0]!.push({ kind: 'open', resumed: true });
    await settled();
    expect(view).toMatchObject({ asOf: clock.now(), freshness: { stale: false } });
    expect(told).toEqual([]);
  });

  it('is as old as it was until a connection that begins anew brings a message', async () => {
    const { clock, settled, connections, view, told } = restarted(kept());
    await settled();
    connections[0]!.push(OPEN, { kind: 'alive' });
    await settled();
    expect(view).toMatchObject({ asOf: 500_000, freshness: { stale: false } });
    connections[0]!.push(message(1));
    await settled();
    expect(view).toMatchObject({ asOf: clock.now(), freshness: { stale: false } });
    expect(told).toEqual([]);
  });

  it('is stale when the connection fails', async () => {
    const { settled, connections, view, told } = restarted(kept('here'));
    await settled();
    connections[0]!.end(new Error('down'));
    await settled();
    expect(view.asOf).toBe(500_000);
    expect(told).toEqual(['stale: a source failed']);
  });

  it('of another source is stale, whatever the connection does, until this one brings its own', async () => {
    const { settled, connections, view, told } = restarted(kept('there'));
    const foreign =
      'stale: kept from another source, or another selection of it; a source has sent nothing yet';
    await settled();
    expect(connections.map(({ after }) => after)).toEqual([undefined]);
    connections[0]!.push(OPEN, { kind: 'alive' });
    await settled();
    expect(told).toEqual([foreign]);
    expect(view.asOf).toBe(500_000);
    connections[0]!.push(message(1));
    await settled();
    expect(told).toEqual([foreign, 'fresh']);
  });

  it('of events is not stale where they came from another source: they happened', async () => {
    const events: SavedTopic = { ...kept('there'), kind: 'event', value: undefined };
    const { settled, told } = restarted(events, { kind: 'event' });
    await settled();
    expect(told).toEqual([]);
  });
});

describe('refresh and freshen', () => {
  it('freshen wakes a sleeping source, waits for its first message, and lets it sleep again', async () => {
    const { clock, connections, follower, told } = setup({ when: 'subscribed', linger: 1_000 });
    const fresh = follower.freshen();
    await clock.runUntilIdle();
    connections[0]!.push(OPEN, message(1));
    await fresh;
    await clock.runUntilIdle();
    expect(told).toEqual([1]);
    await clock.advance(1_000);
    await clock.runUntilIdle();
    expect(follower.stats.connected).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('freshen does not wait for ever', async () => {
    const { clock, follower } = setup({ when: 'subscribed' });
    const fresh = follower.freshen();
    await clock.advance(10_000);
    await fresh;
  });

  it('calls of refresh share one new connection, and nobody is told that the topic was stale', async () => {
    const { clock, connections, follower, told } = setup();
    await clock.runUntilIdle();
    connections[0]!.push(OPEN, message(1));
    await clock.runUntilIdle();
    const calls = Promise.all([follower.refresh(), follower.refresh()]);
    await clock.runUntilIdle();
    expect(connections).toHaveLength(2);
    connections[1]!.push(OPEN, message(2));
    await calls;
    await clock.runUntilIdle();
    expect(told).toEqual([1, 2]);
  });

  it('a refresh leaves an event topic alone that is connected', async () => {
    const { clock, connections, follower } = setup({ kind: 'event' });
    await clock.runUntilIdle();
    connections[0]!.push(OPEN);
    await clock.runUntilIdle();
    await follower.refresh();
    expect(connections).toHaveLength(1);
  });

  it('is refused once it is closed', async () => {
    const { clock, connections, follower } = setup();
    await clock.runUntilIdle();
    connections[0]!.push(OPEN);
    await follower.close();
    expect(clock.pending).toBe(0);
    await expect(follower.refresh()).rejects.toMatchObject({ code: 'closed' });
  });
});

it('a message whose transform fails is a fault, and is not tried again', async () => {
  const { clock, connections, told, follower, errors } = setup({
    kind: 'event',
    transform: async (value) => {
      if (value === 2) throw new Error('two');
      return value;
    },
  });
  await clock.runUntilIdle();
  connections[0]!.push(OPEN, message(1, 'a'), message(2, 'b'));
  await clock.runUntilIdle();
  connections[0]!.push(message(3, 'c'));
  await clock.runUntilIdle();
  expect(told).toEqual([1, 3]);
  expect(errors).toEqual([new Error('two')]);
  expect(follower.stats).toMatchObject({ messages: 2, faults: 1 });
});
