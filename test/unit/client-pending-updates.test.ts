import { describe, expect, test } from 'vitest';
import { createPendingUpdates } from '../../shared/client/pending-updates.js';
import type { Update } from '../../shared/client/update.js';

function state(version: number, changed = true): Update {
  const asOf = new Date(version);
  return { kind: 'state', topic: 't', value: version, version, epoch: 'e', asOf, stale: undefined, changed };
}
function event(version: number, epoch = 'e'): Update {
  return { kind: 'event', topic: 't', event: `event ${version}`, version, epoch };
}
function drain(pending: { shift(): Update | undefined }): Update[] {
  const all: Update[] = [];
  for (let update = pending.shift(); update; update = pending.shift()) all.push(update);
  return all;
}

describe('updates that wait for a slow iterator', () => {
  test('of a state topic conflate to the latest', () => {
    const pending = createPendingUpdates();
    for (let version = 1; version <= 5; version++) pending.push(state(version));
    expect(drain(pending)).toEqual([state(5)]);
  });

  test('stay marked as changed when mere news about age follows a change', () => {
    const pending = createPendingUpdates();
    pending.push(state(1));
    pending.push(state(2, false));
    expect(drain(pending)).toEqual([state(2, true)]);
    pending.push(state(3, false));
    expect(drain(pending)).toEqual([state(3, false)]);
  });

  test('of an event topic keep their order', () => {
    const pending = createPendingUpdates();
    const events = [
      event(1),
      event(2),
      { kind: 'gap', topic: 't', from: 2, version: 5, epoch: 'e' } as const,
      event(6),
    ];
    for (const update of events) pending.push(update);
    expect(drain(pending)).toEqual(events);
  });

  test('beyond the bound become one gap that is told first', () => {
    const pending = createPendingUpdates(3);
    for (let version = 1; version <= 10; version++) pending.push(event(version));
    expect(drain(pending)).toEqual([
      { kind: 'gap', topic: 't', from: 0, version: 7, epoch: 'e' },
      event(8),
      event(9),
      event(10),
    ]);
  });

  test('start a new gap when the epoch changes', () => {
    const pending = createPendingUpdates(1);
    for (const update of [event(8), event(1, 'f'), event(2, 'f'), event(3, 'f')]) pending.push(update);
    expect(drain(pending)).toEqual([
      { kind: 'gap', topic: 't', from: 0, version: 2, epoch: 'f' },
      event(3, 'f'),
    ]);
  });
});
