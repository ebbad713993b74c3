import { formatCursor } from '../../shared/cursor.js';
import type { HistoryEntry } from '../store/history.js';
import type { TopicView } from '../store/topic.js';
import type { Part } from './wire.js';

/**
 * The messages of PROTOCOL section 1 as JSON text. Values, patches and events come as text already, so a
 * document is stringified once a version however many messages carry it. Topic names and epochs need no escaping.
 */

export function valuePart(topic: TopicView): Part {
  const { name, epoch, version, valueJson } = topic;
  return {
    text: `{"type":"value","topic":"${name}","epoch":"${epoch}","version":${version},"value":${valueJson},"asOf":"${isoTime(topic.asOf)}"}`,
    cursor: formatCursor(topic),
  };
}

/** `patchJson`: operations without the brackets, leading from version `from` to the current one. */
export function patchPart(topic: TopicView, from: number, patchJson: string): Part {
  return {
    text: `{"type":"patch","topic":"${topic.name}","version":${topic.version},"from":${from},"patch":[${patchJson}],"asOf":"${isoTime(topic.asOf)}"}`,
    cursor: formatCursor(topic),
  };
}

export function eventPart(topic: TopicView, { version, text }: HistoryEntry): Part {
  return {
    text: `{"type":"event","topic":"${topic.name}","version":${version},"event":${text}}`,
    cursor: formatCursor({ epoch: topic.epoch, version }),
  };
}

/** An event as it stands in a history that is read whole: its topic is known. */
export function recordPart({ version, text }: HistoryEntry): Part {
  return { text: `{"version":${version},"event":${text}}` };
}

export function gapPart(topic: TopicView, from: number, version: number): Part {
  return {
    text: `{"type":"gap","topic":"${topic.name}","from":${from},"version":${version}}`,
    cursor: formatCursor({ epoch: topic.epoch, version }),
  };
}

/** `stale` or `fresh`, whichever the topic is now. */
export function freshnessPart(topic: TopicView): Part {
  if (!topic.freshness.stale) return { text: `{"type":"fresh","topic":"${topic.name}"}` };
  const asOf = topic.asOf === undefined ? '' : `"asOf":"${isoTime(topic.asOf)}",`;
  return {
    text: `{"type":"stale","topic":"${topic.name}",${asOf}"error":${JSON.stringify(topic.freshness.error)}}`,
  };
}

export function checkedPart(topic: TopicView): Part {
  return { text: `{"type":"checked","topic":"${topic.name}","asOf":"${isoTime(topic.asOf)}"}` };
}

function isoTime(time: number | undefined): string {
  return new Date(time ?? 0).toISOString();
}
