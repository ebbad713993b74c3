import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.js';
import { newEpoch } from '../epoch.js';
import { isStill } from './identity.js';
import { readRecords } from './record.js';
import { createReplay, type Replay } from './replay.js';
import type { SavedTopic } from './saved-topic.js';

/** What every flush is written to. */
export const JOURNAL = 'topics.journal';
/** What the journal is called once a flush could not be written to it, so that it is behind what clients know. */
export const BEHIND = 'topics.behind';

/** What a folder has kept. */
export interface Loaded {
  readonly topics: Map<string, SavedTopic>;
  /** Why the topics begin new epochs, with the last values that could be read; `undefined`: they go on in theirs. */
  readonly doubt: string | undefined;
  /** The file breaks off or is damaged: there may have been more in it. */
  readonly damaged: boolean;
}

/**
 * Reads what a folder has kept; nothing, if there is nothing. A topic goes on in its epoch only where the file is sure
 * to hold every version that a client may have seen: the file is whole, it is the one its writer wrote and no copy, and
 * the writer stopped in order or the system has not been started anew since, so that no write got lost with it.
 *
 * @throws what the file system throws, but for a file that does not exist
 */
export async function loadTopics(folder: string, boot: string | undefined): Promise<Loaded> {
  const journal = await readIfThere(join(folder, JOURNAL));
  if (journal) {
    return conclude(journal, journal.damage ?? doubtOf(journal, boot));
  }
  const behind = await readIfThere(join(folder, BEHIND));
  if (behind) return conclude(behind, 'the last writes to it had failed');
  return { topics: new Map(), doubt: undefined, damaged: false };
}

interface ReadFile {
  replay: Replay;
  damage: string | undefined;
  /** Whether it is a copy. */
  copied: boolean;
}

async function readIfThere(path: string): Promise<ReadFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const replay = createReplay();
    const damage = await readAll(handle, replay);
    const { life } = replay;
    return { replay, damage, copied: life !== undefined && !(await isStill(handle, life.file)) };
  } finally {
    await handle.close();
  }
}

/** Resolves with what is wrong with the file, if anything; what came before that has been taken. */
async function readAll(handle: FileHandle, replay: Replay): Promise<string | undefined> {
  const records = readRecords(handle);
  for (;;) {
    const { value, done } = await records.next();
    if (done) return value === 'torn' ? 'it breaks off or is damaged' : undefined;
    try {
      replay.take(value);
    } catch (error) {
      return `it cannot be understood: ${messageOf(error)}`;
    }
  }
}

function doubtOf({ replay, copied }: ReadFile, boot: string | undefined): string | undefined {
  const { life, ended } = replay;
  if (!life) return 'it is empty';
  if (copied) return 'it is a copy, which may be older than what clients know';
  if (ended || (boot !== undefined && life.boot === boot)) return undefined;
  return 'the server did not stop in order, and the system has been started anew since';
}

function conclude({ replay: { topics }, damage }: ReadFile, doubt: string | undefined): Loaded {
  if (doubt !== undefined) for (const saved of topics.values()) saved.epoch = newEpoch();
  return { topics, doubt, damaged: damage !== undefined };
}
