import type { EventUpdate, GapUpdate, StateUpdate, Update } from './update.js';

/** Events that wait for a slow reader; the oldest beyond this become a gap. */
const MAX_PENDING_EVENTS = 1_024;

/** What an iterator has not taken yet. Bounded: a state topic keeps its latest update, an event topic the last events. */
export interface PendingUpdates {
  push(update: Update): void;
  shift(): Update | undefined;
}

export function createPendingUpdates(maxEvents = MAX_PENDING_EVENTS): PendingUpdates {
  let latest: StateUpdate | undefined;
  let lost: GapUpdate | undefined;
  const events: (EventUpdate | GapUpdate)[] = [];

  return {
    push(update) {
      if (update.kind === 'state') {
        latest = latest?.changed ? { ...update, changed: true } : update;
        return;
      }
      events.push(update);
      if (events.length > maxEvents) lost = widen(lost, events.shift()!);
    },
    shift() {
      const next = latest ?? lost;
      if (!next) return events.shift();
      if (latest) latest = undefined;
      else lost = undefined;
      return next;
    },
  };
}

/** The gap that covers what was lost before and `dropped`. Versions of another epoch cannot be spanned: the newer life counts. */
function widen(lost: GapUpdate | undefined, dropped: EventUpdate | GapUpdate): GapUpdate {
  const { topic, version, epoch } = dropped;
  const start = dropped.kind === 'gap' ? dropped.from : version - 1;
  return { kind: 'gap', topic, from: lost?.epoch === epoch ? lost.from : start, version, epoch };
}
