import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { lineOf } from './entry.js';
import { type FileIdentity, identityOf } from './identity.js';
import { createRecordWriter } from './record.js';
import { FORMAT } from './replay.js';

/** A file of records that is only ever added to. Calls do not overlap. */
export interface JournalFile {
  readonly identity: FileIdentity;
  /** Bytes so far. */
  readonly size: number;
  /** Adds a record before it returns: it is with the system then, and outlives this process. @throws what the file system throws */
  append(entries: readonly string[]): void;
  /** The same without holding up the process. */
  write(entries: readonly string[]): Promise<void>;
  /** Brings everything to the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Begins a file, or begins it anew. */
export async function createJournalFile(path: string, boot: string | undefined): Promise<JournalFile> {
  const handle = await open(path, 'w', 0o600);
  const { frame } = createRecordWriter();
  let size = 0;
  try {
    const identity = await identityOf(handle);
    const file: JournalFile = {
      identity,
      get size() {
        return size;
      },
      append(entries) {
        const record = frame(entries.join('\n'));
        for (let at = 0; at < record.length; ) at += writeSync(handle.fd, record, at);
        size += record.length;
      },
      async write(entries) {
        const record = frame(entries.join('\n'));
        await writeAll(handle, record);
        size += record.length;
      },
      sync: () => handle.datasync(),
      close: () => handle.close(),
    };
    await file.write([lineOf({ is: 'life', format: FORMAT, boot, file: identity })]);
    return file;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at);
    at += bytesWritten;
  }
}
