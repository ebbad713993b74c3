import type { Headwater } from '../../server/app/app.js';
import { equal } from '../../shared/equal.js';
import type { Json } from '../../shared/json.js';
import type { ServerMessage } from '../../shared/messages.js';
import { applyPatch } from '../../shared/patch.js';
import { check } from './check.js';

/** What the store held at each version of a topic: what clients are judged by. */
export interface Ledger {
  readonly topic: string;
  /** The newest version. */
  readonly version: number;
  /** The value, or the event, that made a version. */
  at(version: number): Json | undefined;
}

/** Keeps the ledger of a topic from now on; made before the first commit it has all versions. */
export function keepLedger(headwater: Headwater, topic: string, kind: 'state' | 'event' = 'state'): Ledger {
  const held = new Map<number, Json>();
  const handle = headwater.topic(topic, kind);
  handle.subscribe(({ version, value, events }) => {
    if (kind === 'state') held.set(version, value!);
    else for (const [index, event] of events.entries()) held.set(version - events.length + 1 + index, event);
  });
  return {
    topic,
    get version() {
      return handle.version;
    },
    at: (version) => held.get(version),
  };
}

/** A client as the protocol describes it: it holds what its messages lead to, and trusts none of them. */
export interface Replica {
  readonly version: number;
  readonly value: Json | undefined;
  readonly epoch: string | undefined;
  /** How often the topic went stale and fresh again, in turns. */
  readonly turns: readonly ('stale' | 'fresh')[];
  /** Versions of events that it was told are lost. */
  readonly lost: number;
  /** Patches, values and events that it took in. */
  readonly taken: number;
  /** @throws {AssertionError} at a hole, a duplicate, a step back, or a value that the store did not hold at that version */
  accept(message: ServerMessage): void;
}

/**
 * `from`: where it stopped an earlier time. `mayLose`: events may be lost to it, if it is told so; to any other client a gap is
 * wrong, however well it is told. A message of another topic is not its business.
 */
export function createReplica(
  ledger: Ledger,
  from: { version: number; value?: Json | undefined; epoch?: string | undefined } = { version: 0 },
  { mayLose = false }: { readonly mayLose?: boolean | undefined } = {},
): Replica {
  let { version, value, epoch } = from;
  let lost = 0;
  let taken = 0;
  const turns: ('stale' | 'fresh')[] = [];
  const here = (what: string) => `${ledger.topic} at version ${version}: ${what}`;

  function move(to: number): void {
    check(to > version, here(`went to ${to}`));
    version = to;
    taken += 1;
  }

  return {
    get version() {
      return version;
    },
    get value() {
      return value;
    },
    get epoch() {
      return epoch;
    },
    get lost() {
      return lost;
    },
    get taken() {
      return taken;
    },
    turns,
    accept(message) {
      if (!('topic' in message) || message.topic !== ledger.topic) return;
      switch (message.type) {
        case 'value':
          epoch = message.epoch;
          move(message.version);
          value = message.value;
          break;
        case 'patch':
          check(message.from === version, here(`a patch builds on ${message.from}`));
          move(message.version);
          value = applyPatch(value!, message.patch);
          break;
        case 'event':
          check(message.version === version + 1, here(`the next event is ${message.version}`));
          move(message.version);
          value = message.event;
          break;
        case 'gap':
          check(message.from === version, here(`a gap begins at ${message.from}`));
          check(mayLose, here(`is told that all up to ${message.version} is lost`));
          lost += message.version - version;
          move(message.version);
          return;
        case 'stale':
        case 'fresh':
          check(turns.at(-1) !== message.type, here(`told twice that it is ${message.type}`));
          turns.push(message.type);
          return;
        default:
          return;
      }
      const expected = ledger.at(version);
      check(expected !== undefined, here('the store never had that version'));
      check(equal(value!, expected), here(`holds ${preview(value)}, the store held ${preview(expected)}`));
    },
  };
}

function preview(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
