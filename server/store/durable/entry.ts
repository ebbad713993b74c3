import type { TopicKind } from '../../../shared/messages.js';
import type { Position, TopicFlush } from '../topic.js';
import type { FileIdentity } from './identity.js';
import type { SavedTopic } from './saved-topic.js';

/**
 * A record's text is a row of entries. An entry is a line of JSON that says what it is, followed by as many lines of
 * JSON text as that calls for: JSON text as `JSON.stringify` makes it holds no line break. So what is in memory as text
 * is never parsed to be written, nor encoded anew once it was read.
 */
export type Entry =
  /** The first of a file: under which running kernel, and in which file, the writer lives. */
  | { is: 'life'; format: number; boot: string | undefined; file: FileIdentity }
  /** All of a topic. Then its value, if it has one, and one line for each time in `past`, the times of its history. */
  | ({
      is: 'topic';
      kind: TopicKind;
      epoch: string;
      version: number;
      hasValue: boolean;
      past: number[];
    } & Status)
  /** One patch further, whose operations follow. */
  | ({ is: 'patch'; version: number } & Status)
  /** A new value, which follows. */
  | ({ is: 'value'; version: number } & Status)
  /** As many events further as there are times in `past`; they follow. */
  | ({ is: 'events'; version: number; past: number[] } & Status)
  /** The source was asked, began to fail or moved on, and nothing changed. */
  | ({ is: 'status' } & Status)
  /** The last of a file: its writer has stopped in order. */
  | { is: 'end' };

interface Status {
  topic: string;
  asOf: number | undefined;
  changedAt: number | undefined;
  stale: string | undefined;
  /** Files of older versions have none, and those versions pass over it. */
  position?: Position | undefined;
}

/** The entry that holds all of a topic. */
export function wholeEntry(saved: SavedTopic): string {
  const { name, kind, epoch, version, value, asOf, changedAt, stale, position, history } = saved;
  const hasValue = value !== undefined;
  const entry: Entry = {
    is: 'topic',
    topic: name,
    kind,
    epoch,
    version,
    asOf,
    changedAt,
    stale,
    position,
    hasValue,
    past: history.map((step) => step.asOf),
  };
  const lines = [JSON.stringify(entry)];
  if (hasValue) lines.push(JSON.stringify(value));
  for (const { text } of history) lines.push(text);
  return lines.join('\n');
}

/** The entry that leads from what was before a flush to what is after it. */
export function flushEntry({ topic, change }: TopicFlush): string {
  const { asOf, changedAt, freshness, position, version } = topic;
  const status = {
    topic: topic.name,
    asOf,
    changedAt,
    stale: freshness.stale ? freshness.error : undefined,
    position,
  };
  if (!change) return lineOf({ is: 'status', ...status });
  if (change.kind === 'patch') return `${lineOf({ is: 'patch', version, ...status })}\n${change.patchJson}`;
  if (change.kind === 'value') return `${lineOf({ is: 'value', version, ...status })}\n${topic.valueJson}`;
  const past = change.entries.map((step) => step.asOf);
  return [lineOf({ is: 'events', version, past, ...status }), ...change.entries.map(({ text }) => text)].join(
    '\n',
  );
}

export function lineOf(entry: Entry): string {
  return JSON.stringify(entry);
}
