import type { TopicView } from '../store/topic.js';
import type { CatchUp } from './catch-ups.js';
import { eventPart, gapPart, recordPart } from './parts.js';
import { Encoded } from './wire.js';

/** How many characters of events are put into one share at most, but for a single event that is longer. */
const SHARE_CHARACTERS = 65_536;

/**
 * The versions at which an event topic's history is cut into shares, the last of them the current one. The cuts are
 * the same for all who read the topic at this version: whoever begins within a share then goes on with those of
 * everybody else.
 */
export function shareEndsOf(topic: TopicView): readonly number[] {
  const ends: number[] = [];
  let length = 0;
  for (const { version, text } of topic.since(topic.reachesBackTo) ?? []) {
    if (length > 0 && length + text.length > SHARE_CHARACTERS) {
      ends.push(version - 1);
      length = 0;
    }
    length += text.length;
  }
  ends.push(topic.version);
  return ends;
}

/** The events after `from` to the end of its share, or the gap to where history begins if it does not reach that far. */
export function shareAfter(topic: TopicView, from: number, ends: readonly number[]): CatchUp {
  const begin = topic.reachesBackTo;
  if (from < begin) {
    // Apart from what follows, which all who missed too much have in common.
    return { encoded: new Encoded([gapPart(topic, from, begin)]), version: begin, gap: true };
  }
  const version = ends.find((end) => end > from) ?? topic.version;
  const events = (topic.since(from) ?? []).slice(0, version - from);
  return { encoded: new Encoded(events.map((entry) => eventPart(topic, entry))), version, gap: false };
}

/** All events after `from` in one, after the gap if there is one. */
export function allAfter(topic: TopicView, from: number): CatchUp {
  const begin = topic.reachesBackTo;
  const gap = from < begin;
  const parts = gap ? [gapPart(topic, from, begin)] : [];
  for (const entry of topic.since(gap ? begin : from) ?? []) parts.push(eventPart(topic, entry));
  return { encoded: new Encoded(parts), version: topic.version, gap };
}

/** All events that history has, as records. */
export function allRecords(topic: TopicView): CatchUp {
  const events = topic.since(topic.reachesBackTo) ?? [];
  return { encoded: new Encoded(events.map(recordPart)), version: topic.version, gap: false };
}
