import type { Json } from '../../../shared/json.js';
import { applyPatch, type PatchOperation } from '../../../shared/patch.js';
import type { HistoryEntry } from '../history.js';
import type { Entry } from './entry.js';
import type { SavedTopic } from './saved-topic.js';

/** Rebuilds topics from entries, in the order they were written. */
export interface Replay {
  readonly topics: Map<string, SavedTopic>;
  readonly life: Extract<Entry, { is: 'life' }> | undefined;
  /** Whether the last entry said that there are no more. */
  readonly ended: boolean;
  /** Takes a record's entries. @throws where they do not follow from what came before; every topic is then as it was before an entry */
  take(text: string): void;
}

/** The layout of the file; one with another number is not read. */
export const FORMAT = 1;

export function createReplay(): Replay {
  const topics = new Map<string, SavedTopic>();
  let life: Replay['life'];
  let ended = false;

  function take(entry: Entry, lines: readonly string[]): void {
    ended = entry.is === 'end';
    if (entry.is === 'end') return;
    if (entry.is === 'life') {
      if (entry.format !== FORMAT)
        throw new Error(`its format is ${entry.format}, this version reads ${FORMAT}`);
      life = entry;
      return;
    }
    if (!life) throw new Error('it does not begin as it should');
    if (entry.is === 'topic') {
      const { topic: name, kind, epoch, version, asOf, changedAt, stale, position, hasValue, past } = entry;
      const history = stepsOf(lines.slice(hasValue ? 1 : 0), past, version);
      const value = hasValue ? parse(lines[0]!) : undefined;
      topics.set(name, { name, kind, epoch, version, value, asOf, changedAt, stale, position, history });
      return;
    }
    const saved = topics.get(entry.topic);
    if (!saved) throw new Error(`it goes on with "${entry.topic}", which has not begun`);
    if (entry.is !== 'status') advance(saved, entry, lines);
    saved.asOf = entry.asOf;
    saved.changedAt = entry.changedAt;
    saved.stale = entry.stale;
    saved.position = entry.position;
  }

  return {
    topics,
    get life() {
      return life;
    },
    get ended() {
      return ended;
    },
    take(text) {
      const lines = text.split('\n');
      for (let at = 0; at < lines.length; ) {
        const entry = JSON.parse(lines[at]!) as Entry;
        const end = at + 1 + followers(entry);
        take(entry, lines.slice(at + 1, end));
        at = end;
      }
    },
  };
}

/** How many lines belong to an entry. */
function followers(entry: Entry): number {
  if (entry.is === 'topic') return entry.past.length + (entry.hasValue ? 1 : 0);
  if (entry.is === 'events') return entry.past.length;
  return entry.is === 'patch' || entry.is === 'value' ? 1 : 0;
}

function advance(
  saved: SavedTopic,
  entry: Extract<Entry, { is: 'patch' | 'value' | 'events' }>,
  lines: readonly string[],
): void {
  const steps = entry.is === 'events' ? entry.past.length : 1;
  if (entry.version !== saved.version + steps)
    throw new Error(`"${saved.name}" goes from version ${saved.version} to ${entry.version}`);
  if (entry.is === 'events') {
    for (const step of stepsOf(lines, entry.past, entry.version)) saved.history.push(step);
  } else if (entry.is === 'value') {
    saved.value = parse(lines[0]!);
    saved.history = [];
  } else {
    const text = lines[0]!;
    saved.value = applyPatch(saved.value!, JSON.parse(`[${text}]`) as PatchOperation[]);
    saved.history.push({ version: entry.version, text, asOf: entry.asOf ?? entry.changedAt ?? 0 });
  }
  saved.version = entry.version;
}

function stepsOf(lines: readonly string[], past: readonly number[], last: number): HistoryEntry[] {
  const first = last - past.length + 1;
  return past.map((asOf, index) => ({ version: first + index, text: lines[index]!, asOf }));
}

function parse(line: string): Json {
  return JSON.parse(line) as Json;
}
