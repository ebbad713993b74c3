import { renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { BEHIND, JOURNAL } from './load.js';

/**
 * Sees to it before it returns that the journal of a folder is never taken for complete again. `inode`: that of the
 * journal that is meant; absent: whichever is there.
 */
export function setAside(folder: string, inode?: string): void {
  const journal = join(folder, JOURNAL);
  try {
    const { ino } = statSync(journal, { bigint: true });
    // Somebody who took the lock may have put a journal of his own there.
    if (inode !== undefined && inode !== String(ino)) return;
    renameSync(journal, join(folder, BEHIND));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    try {
      truncateSync(journal);
    } catch {
      // Out of reach: the failure that led here is reported, and the next attempt makes a journal anew.
    }
  }
}
