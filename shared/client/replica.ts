import type { Cursor } from '../cursor.js';
import { HeadwaterError, messageOf } from '../errors.js';
import type { Json } from '../json.js';
import type {
  CheckedMessage,
  EventMessage,
  FreshMessage,
  GapMessage,
  PatchMessage,
  StaleMessage,
  SubscribedMessage,
  ValueMessage,
} from '../messages.js';
import { applyPatch } from '../patch.js';
import type { StateUpdate, Update } from './update.js';

/** Messages that move one topic. */
export type TopicMessage =
  | SubscribedMessage
  | ValueMessage
  | PatchMessage
  | EventMessage
  | GapMessage
  | StaleMessage
  | FreshMessage
  | CheckedMessage;

/** What a message came to: updates to deliver in order, a problem to report, the wish to subscribe anew without a cursor. */
export interface Outcome {
  updates: Update[];
  error?: HeadwaterError;
  resync?: true;
}

/** This client's copy of one topic. It never shows a value that the server did not have. */
export interface Replica {
  /** Where to resume; `undefined` while there is nothing to resume from. */
  readonly cursor: Cursor | undefined;
  /** The last known value, for subscribers that come late. */
  readonly current: StateUpdate | undefined;
  /** `epoch`: where the transport knows it from elsewhere (an SSE id), as patches and events do not carry it. */
  apply(message: TopicMessage, epoch?: string): Outcome;
}

export function createReplica(topic: string): Replica {
  let epoch = '';
  let version = 0;
  /** What comes next continues `epoch:version`. False until the first value, and from a lost thread to the value that mends it. */
  let synced = false;
  let stale: string | undefined;
  let current: StateUpdate | undefined;

  const nothing = (): Outcome => ({ updates: [] });

  function lostThread(error?: HeadwaterError): Outcome {
    synced = false;
    return error ? { updates: [], resync: true, error } : { updates: [], resync: true };
  }

  /** A new value when `next` is given, else news about the one we have. */
  function show(asOf: Date, next?: { value: Json }): Outcome {
    const value = next ?? current;
    if (!value) return nothing();
    const changed =
      next !== undefined && !(current && current.epoch === epoch && current.version === version);
    current = { kind: 'state', topic, value: value.value, version, epoch, asOf, stale, changed };
    return { updates: [current] };
  }

  function showStale(reason: string | undefined, asOf?: string): Outcome {
    if (reason === stale) return nothing();
    stale = reason;
    if (current) return show(asOf === undefined ? current.asOf : new Date(asOf));
    if (reason === undefined) return nothing();
    const message = `The topic "${topic}" has no value yet, its source fails: ${reason}`;
    return { updates: [], error: new HeadwaterError('unavailable', message) };
  }

  function subscribed(message: SubscribedMessage): Outcome {
    if (message.resumed) {
      // The server tells of a failing source after this message, so silence means that it works.
      return synced && message.epoch === epoch ? showStale(undefined) : lostThread();
    }
    if (message.kind === 'event') eventsFrom(message);
    else synced = false;
    return showStale(undefined);
  }

  /** Where a subscription that was not resumed leaves an event topic. What was missed follows, as a gap and events. */
  function eventsFrom(message: SubscribedMessage): void {
    if (!synced) version = message.version;
    else if (message.epoch !== epoch) version = 0;
    else version = Math.min(version, message.version);
    epoch = message.epoch;
    synced = true;
  }

  /** Moves an event topic's position to `to`; events between, if any, are told as a gap unless we never had a position. */
  function jump(to: number, hadPosition: boolean, life: string): Update[] {
    const from = life === epoch ? version : 0;
    epoch = life;
    version = to;
    synced = true;
    return hadPosition && to > from ? [{ kind: 'gap', topic, from, version: to, epoch }] : [];
  }

  function value(message: ValueMessage): Outcome {
    if (synced && message.epoch === epoch && message.version < version) return nothing();
    ({ epoch, version } = message);
    synced = true;
    return show(new Date(message.asOf), message);
  }

  function patch(message: PatchMessage, life: string): Outcome {
    if (!synced || !current) return nothing();
    if (life !== epoch) return lostThread();
    if (message.version <= version) return nothing();
    if (message.from !== version) return lostThread();
    let next: Json;
    try {
      next = applyPatch(current.value, message.patch);
    } catch (cause) {
      const text = `A patch for "${topic}" does not apply (${messageOf(cause)}); asking for the whole value.`;
      return lostThread(new HeadwaterError('patch_conflict', text, { cause }));
    }
    version = message.version;
    return show(new Date(message.asOf), { value: next });
  }

  function event(message: EventMessage, life: string): Outcome {
    if (synced && life === epoch && message.version <= version) return nothing();
    const updates = jump(message.version - 1, synced, life);
    version = message.version;
    return { updates: [...updates, { kind: 'event', topic, event: message.event, version, epoch }] };
  }

  function gap(message: GapMessage, life: string): Outcome {
    if (synced && life === epoch && message.version <= version) return nothing();
    if (!synced || life !== epoch) version = message.from;
    epoch = life;
    return { updates: jump(message.version, true, life) };
  }

  return {
    get cursor() {
      return synced ? { epoch, version } : undefined;
    },
    get current() {
      return current;
    },
    apply(message, life = epoch) {
      switch (message.type) {
        case 'subscribed':
          return subscribed(message);
        case 'value':
          return value(message);
        case 'patch':
          return patch(message, life);
        case 'event':
          return event(message, life);
        case 'gap':
          return gap(message, life);
        case 'stale':
          return showStale(message.error, message.asOf);
        case 'fresh':
          return showStale(undefined);
        case 'checked':
          return show(new Date(message.asOf));
      }
    },
  };
}
