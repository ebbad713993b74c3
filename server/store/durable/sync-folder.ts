import { open } from 'node:fs/promises';

/** Brings the new names of files in a folder to the disk, where the system knows how: after a power cut they are there. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
