import { Counter, Trend } from 'k6/metrics';
import type { ServerMessage, SubscribedMessage } from '../../shared/messages.js';

/** Updates that a reader never got, told by a version that does not build on the one before. */
const holes = new Counter('holes');
/** Updates that came twice or late. */
const duplicates = new Counter('duplicates');
/** Errors, and answers that are none of the protocol. */
const faults = new Counter('faults');
/** Messages that brought a reader on. */
const updates = new Counter('updates');
/** Times a reader took up where it had been. */
const resumptions = new Counter('resumptions');
/** Events that the server said were lost. */
const gaps = new Counter('gaps');
/** Milliseconds from the fetch or publication of what an update carries to its arrival, by two clocks. */
const delay = new Trend('delay', true);

/** The place of one reader in one topic; it outlives connections. */
export interface Reader {
  /** `epoch:version`, or `undefined` before anything came. */
  readonly cursor: { epoch: string; version: number } | undefined;
  /** Checks a message against what came before, and counts. */
  hear(message: ServerMessage): void;
  fail(what: string): void;
}

export function createReader(): Reader {
  let epoch: string | undefined;
  let version = 0;

  function fail(what: string): void {
    faults.add(1);
    console.error(what);
  }

  /** An update that leads from `from` (`undefined`: from anywhere before) to `to`. */
  function advance(from: number | undefined, to: number, asOf?: string): void {
    if (to <= version || (from !== undefined && from < version)) {
      duplicates.add(1);
      console.error(`a duplicate: ${from ?? ''}..${to} came at ${version}`);
    } else if (from !== undefined && from > version) {
      holes.add(1);
      console.error(`a hole: ${from}..${to} came at ${version}`);
    }
    version = to;
    updates.add(1);
    if (asOf !== undefined) delay.add(Math.max(0, Date.now() - Date.parse(asOf)));
  }

  /** Where a subscription to events that was not resumed takes up; whoever held a position is owed all after it, as a gap at least. */
  function positionIn(message: SubscribedMessage): number {
    if (epoch === undefined) return message.version;
    return message.epoch === epoch ? Math.min(version, message.version) : 0;
  }

  return {
    get cursor() {
      return epoch === undefined ? undefined : { epoch, version };
    },
    fail,
    hear(message) {
      switch (message.type) {
        case 'subscribed':
          if (message.resumed) resumptions.add(1);
          else if (message.kind === 'event') version = positionIn(message);
          // Another life of the topic counts anew.
          else if (message.epoch !== epoch) version = 0;
          epoch = message.epoch;
          break;
        case 'value':
          if (message.epoch !== epoch) version = 0;
          epoch = message.epoch;
          advance(undefined, message.version, message.asOf);
          break;
        case 'patch':
          advance(message.from, message.version, message.asOf);
          break;
        case 'event':
          advance(message.version - 1, message.version);
          break;
        case 'gap':
          gaps.add(message.version - message.from);
          advance(message.from, message.version);
          break;
        case 'error':
          fail(`${message.code}: ${message.message}`);
      }
    },
  };
}

/** The messages of a WebSocket frame or a long-poll. */
export function messagesOf(text: string): ServerMessage[] {
  const parsed = JSON.parse(text) as ServerMessage | ServerMessage[];
  return Array.isArray(parsed) ? parsed : [parsed];
}
