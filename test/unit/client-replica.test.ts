import { describe, expect, test } from 'vitest';
import { createReplica, type TopicMessage } from '../../shared/client/replica.js';

const AT = '2026-01-02T03:04:05.678Z';
const LATER = '2026-01-02T03:04:06.000Z';

function value(version: number, content: number | object, epoch = 'e'): TopicMessage {
  return { type: 'value', topic: 't', epoch, version, value: content as never, asOf: AT };
}
function patch(from: number, version: number, content: number): TopicMessage {
  const operation = { op: 'replace' as const, path: '/n', value: content };
  return { type: 'patch', topic: 't', from, version, patch: [operation], asOf: LATER };
}
function subscribed(kind: 'state' | 'event', version: number, resumed: boolean, epoch = 'e'): TopicMessage {
  return { type: 'subscribed', topic: 't', kind, epoch, version, resumed };
}
function event(version: number): TopicMessage {
  return { type: 'event', topic: 't', version, event: version };
}

describe('the replica of a state topic', () => {
  test('shows the value, then the value that a patch makes of it', () => {
    const replica = createReplica('t');
    expect(replica.apply(value(7, { n: 1 })).updates).toEqual([
      {
        kind: 'state',
        topic: 't',
        value: { n: 1 },
        version: 7,
        epoch: 'e',
        asOf: new Date(AT),
        stale: undefined,
        changed: true,
      },
    ]);
    expect(replica.apply(patch(7, 9, 2)).updates).toMatchObject([
      { value: { n: 2 }, version: 9, asOf: new Date(LATER) },
    ]);
    expect(replica.cursor).toEqual({ epoch: 'e', version: 9 });
  });

  test('asks for the whole value when a patch starts from a version it does not hold, and shows nothing until it comes', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { n: 1 }));
    expect(replica.apply(patch(8, 9, 2))).toEqual({ updates: [], resync: true });
    expect(replica.cursor).toBeUndefined();
    expect(replica.apply(patch(7, 10, 3))).toEqual({ updates: [] });
    expect(replica.current?.value).toEqual({ n: 1 });
    expect(replica.apply(value(10, { n: 3 })).updates).toMatchObject([{ value: { n: 3 }, version: 10 }]);
  });

  test('asks for the whole value and tells why when a patch does not apply', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { other: 1 }));
    const outcome = replica.apply(patch(7, 8, 2));
    expect(outcome).toMatchObject({ updates: [], resync: true, error: { code: 'patch_conflict' } });
    expect(replica.current?.value).toEqual({ other: 1 });
  });

  test('asks for the whole value when the server resumes another life of the topic', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { n: 1 }));
    expect(replica.apply(subscribed('state', 7, true, 'f')).resync).toBe(true);
  });

  test('asks for the whole value when the stream says that a patch is of another epoch', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { n: 1 }));
    expect(replica.apply(patch(7, 8, 2), 'f').resync).toBe(true);
  });

  test('passes over what it has already', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { n: 1 }));
    replica.apply(patch(7, 8, 2));
    expect(replica.apply(patch(7, 8, 2))).toEqual({ updates: [] });
    expect(replica.apply(value(7, { n: 1 }))).toEqual({ updates: [] });
    expect(replica.current?.value).toEqual({ n: 2 });
  });

  test('takes a lower version of another epoch, as the topic began anew', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { n: 1 }));
    expect(replica.apply(value(1, { n: 0 }, 'f')).updates).toMatchObject([
      { value: { n: 0 }, version: 1, epoch: 'f' },
    ]);
  });

  test('tells once that it is stale and once that it is fresh, with the same value', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { n: 1 }));
    const stale: TopicMessage = { type: 'stale', topic: 't', asOf: AT, error: 'upstream timed out' };
    expect(replica.apply(stale).updates).toMatchObject([
      { stale: 'upstream timed out', changed: false, value: { n: 1 } },
    ]);
    expect(replica.apply(stale).updates).toEqual([]);
    expect(replica.apply({ type: 'fresh', topic: 't' }).updates).toMatchObject([
      { stale: undefined, changed: false },
    ]);
    expect(replica.apply({ type: 'fresh', topic: 't' }).updates).toEqual([]);
  });

  test('reports a source that fails before the first value', () => {
    const replica = createReplica('t');
    expect(replica.apply({ type: 'stale', topic: 't', error: 'refused' })).toMatchObject({
      updates: [],
      error: { code: 'unavailable', message: expect.stringContaining('refused') },
    });
  });

  test('renews its age when the source was asked and nothing changed', () => {
    const replica = createReplica('t');
    replica.apply(value(7, { n: 1 }));
    expect(replica.apply({ type: 'checked', topic: 't', asOf: LATER }).updates).toMatchObject([
      { asOf: new Date(LATER), changed: false, version: 7 },
    ]);
  });
});

describe('the replica of an event topic', () => {
  test('passes events on in order and drops those it has', () => {
    const replica = createReplica('t');
    replica.apply(subscribed('event', 3, false));
    expect(replica.apply(event(4)).updates).toEqual([
      { kind: 'event', topic: 't', event: 4, version: 4, epoch: 'e' },
    ]);
    expect(replica.apply(event(4)).updates).toEqual([]);
    expect(replica.cursor).toEqual({ epoch: 'e', version: 4 });
  });

  test('tells a gap that the server tells, and one that it does not', () => {
    const replica = createReplica('t');
    replica.apply(subscribed('event', 3, false));
    expect(replica.apply({ type: 'gap', topic: 't', from: 3, version: 5 }).updates).toEqual([
      { kind: 'gap', topic: 't', from: 3, version: 5, epoch: 'e' },
    ]);
    expect(replica.apply(event(8)).updates.map((update) => [update.kind, update.version])).toEqual([
      ['gap', 7],
      ['event', 8],
    ]);
  });

  test('tells as a gap what it missed when it cannot resume, and goes on with what history still holds', () => {
    const replica = createReplica('t');
    replica.apply(subscribed('event', 3, false));
    expect(replica.apply(subscribed('event', 9, false)).updates).toEqual([]);
    expect(replica.apply({ type: 'gap', topic: 't', from: 3, version: 7 }).updates).toMatchObject([
      { kind: 'gap', from: 3, version: 7 },
    ]);
    expect(replica.apply(event(8)).updates).toMatchObject([{ kind: 'event', version: 8 }]);
  });

  test('starts over in another life of the topic, whose events it has all missed', () => {
    const replica = createReplica('t');
    replica.apply(subscribed('event', 8, false));
    replica.apply(subscribed('event', 2, false, 'f'));
    expect(replica.cursor).toEqual({ epoch: 'f', version: 0 });
    expect(replica.apply(event(1)).updates).toMatchObject([{ kind: 'event', version: 1, epoch: 'f' }]);
  });
});
