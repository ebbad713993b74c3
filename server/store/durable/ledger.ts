import type { TopicFlush, TopicView } from '../topic.js';
import { flushEntry, wholeEntry } from './entry.js';
import type { JournalFile } from './journal-file.js';
import { savedTopicOf } from './saved-topic.js';

/** A journal file, and what it holds. */
export interface Ledger {
  readonly file: JournalFile;
  /** The topics whose whole is in it, so that what happens to them can follow as steps. */
  readonly recorded: WeakSet<TopicView>;
}

/** The entries that a flush calls for. Topics that are not recorded become so. */
export function entriesOf(flushes: readonly TopicFlush[], { recorded }: Ledger): string[] {
  const entries: string[] = [];
  for (const flush of flushes) {
    const { topic } = flush;
    if (recorded.has(topic)) entries.push(flushEntry(flush));
    else if (isWorthKeeping(topic)) entries.push(recordWhole(topic, recorded));
  }
  return entries;
}

/**
 * The same for a ledger that is being filled, topic by topic: those that it has not reached yet will be recorded as
 * they are by then. It does not come back for those that had nothing to keep when it passed.
 */
export function entriesMeanwhile(flushes: readonly TopicFlush[], { recorded }: Ledger): string[] {
  const entries: string[] = [];
  for (const flush of flushes) {
    const { topic } = flush;
    if (recorded.has(topic)) entries.push(flushEntry(flush));
    else if (isFirst(flush)) entries.push(recordWhole(topic, recorded));
  }
  return entries;
}

export function recordWhole(topic: TopicView, recorded: WeakSet<TopicView>): string {
  recorded.add(topic);
  return wholeEntry(savedTopicOf(topic));
}

/** A topic that has neither content nor a place in the stream that will feed it is not. */
export function isWorthKeeping({ version, position }: TopicView): boolean {
  return version > 0 || position !== undefined;
}

/** Whether a topic may not have been worth keeping before. */
function isFirst({ topic, change, moved }: TopicFlush): boolean {
  if (!change) return moved && topic.version === 0 && isWorthKeeping(topic);
  return change.kind === 'value' ? change.version === 1 : change.from === 0;
}
