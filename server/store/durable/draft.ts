import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TopicFlush, TopicView } from '../topic.js';
import { wholeEntry } from './entry.js';
import { createJournalFile } from './journal-file.js';
import { entriesMeanwhile, entriesOf, isWorthKeeping, type Ledger, recordWhole } from './ledger.js';
import { JOURNAL } from './load.js';
import type { SavedTopic } from './saved-topic.js';

const DRAFT = 'topics.draft';
/** How much text is made before others get their turn, in characters. */
const PORTION = 256 * 1024;

/** A new journal in the making, beside the one that is in use. */
export interface Draft {
  /** Tells it of a flush that happened meanwhile. */
  heard(flushes: readonly TopicFlush[]): void;
  /** Resolves when it is the journal; rejects when it could not be made, or was called off. */
  readonly done: Promise<void>;
}

export interface DraftOptions {
  folder: string;
  boot: string | undefined;
  /** Those that no topic of the store stands for yet. */
  unclaimed(): Iterable<SavedTopic>;
  topics(): Iterable<TopicView>;
  /** Takes it over, in the moment in which it becomes the journal: what is flushed from now on is its owner's affair. */
  adopt(ledger: Ledger): void;
  signal: AbortSignal;
}

/**
 * Writes all topics into a new file without holding up the process: each as it is when its turn comes, and what is
 * flushed after that behind it. When all is there and on the disk, the file takes the place of the journal within one
 * turn of the event loop, so that no flush can fall between the two.
 */
export function startDraft({ folder, boot, unclaimed, topics, adopt, signal }: DraftOptions): Draft {
  const path = join(folder, DRAFT);
  let ledger: Ledger | undefined;
  let complete = false;
  /** What is to be written next: what was flushed meanwhile, then topics whose turn it is. */
  let waiting: string[] = [];

  async function write(): Promise<void> {
    const file = await createJournalFile(path, boot);
    const made: Ledger = { file, recorded: new WeakSet() };
    ledger = made;
    let size = 0;

    async function put(entry: string): Promise<void> {
      waiting.push(entry);
      size += entry.length;
      if (size >= PORTION) await writeOut();
    }
    async function writeOut(): Promise<void> {
      const entries = waiting;
      waiting = [];
      size = 0;
      if (entries.length > 0) await file.write(entries);
      signal.throwIfAborted();
    }

    try {
      for (const saved of unclaimed()) await put(wholeEntry(saved));
      for (const topic of topics()) {
        if (isWorthKeeping(topic) && !made.recorded.has(topic)) await put(recordWhole(topic, made.recorded));
      }
      complete = true;
      await writeOut();
      await file.sync();
      signal.throwIfAborted();
      if (waiting.length > 0) file.append(waiting);
      renameSync(path, join(folder, JOURNAL));
      ledger = undefined;
      adopt(made);
    } catch (error) {
      ledger = undefined;
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
  }

  return {
    heard(flushes) {
      if (ledger) waiting.push(...(complete ? entriesOf : entriesMeanwhile)(flushes, ledger));
    },
    done: write(),
  };
}
