import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../../store/durable/sync-folder.js';
import { fileSource } from '../file.js';
import { SourceError } from '../source-error.js';
import type { Sink } from './sink.js';

/** Another writer that holds the file is waited for, about 1.5 s in all. */
const LOCK_RETRIES = { retries: 6, factor: 2, minTimeout: 25, maxTimeout: 500 };

/**
 * A JSON file that holds the newest value. It is written beside its place, brought to the disk (fsync) and renamed over
 * it, under a lock (`board.json.lock`): whoever reads it sees a whole value, the old one or the new one, also after a
 * power cut. Its time of modification is the value's `asOf`.
 */
export function fileSink(file: string): Sink {
  const label = `the file ${basename(file)}`;
  const folder = dirname(file);
  const draft = join(folder, `.${basename(file)}.tmp`);

  return {
    label,
    bound: 1,
    async write(values) {
      const { value, asOf = Date.now() } = values.at(-1)!;
      try {
        const unlock = await lock(file);
        try {
          await writeDraft(draft, `${JSON.stringify(value)}\n`, asOf);
          await rename(draft, file);
          await syncFolder(folder);
        } finally {
          // There is none after the rename.
          await rm(draft, { force: true });
          await unlock();
        }
      } catch (cause) {
        throw new SourceError(`${label} cannot be written: ${reasonOf(cause)}`, { cause });
      }
    },
    async load(signal) {
      try {
        const { mtimeMs } = await stat(file);
        const fetched = await fileSource(file).fetch({ signal, previous: undefined });
        return fetched.kind === 'value' ? { value: fetched.value, asOf: Math.round(mtimeMs) } : undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}

async function lock(file: string): Promise<() => Promise<void>> {
  // Loaded by those who need it: it hooks into the signals of the process to take its locks away.
  const { default: lockfile } = await import('proper-lockfile');
  let lost = false;
  const unlock = await lockfile.lock(file, {
    realpath: false,
    retries: LOCK_RETRIES,
    // Somebody took it for stale: the rename is atomic all the same.
    onCompromised: () => {
      lost = true;
    },
  });
  return async () => {
    if (!lost) await unlock();
  };
}

async function writeDraft(draft: string, text: string, asOf: number): Promise<void> {
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(text);
    await handle.utimes(new Date(), new Date(asOf));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function reasonOf(cause: unknown): string {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ELOCKED: 'another process holds its lock',
    ENOENT: 'its folder does not exist',
    ENOTDIR: 'its folder is none',
    EACCES: 'its permissions forbid it',
    EROFS: 'its disk is read-only',
    ENOSPC: 'its disk is full',
    EISDIR: 'it is a directory',
  };
  return reasons[code] ?? code;
}
