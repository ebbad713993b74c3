import type { FileHandle } from 'node:fs/promises';

/** What tells a file from its copies, whatever their names: inodes are used again, but not at the same instant. */
export interface FileIdentity {
  readonly inode: string;
  /** When it was made, in ns since the epoch. */
  readonly born: string;
}

export async function identityOf(file: FileHandle): Promise<FileIdentity> {
  const { ino, birthtimeNs } = await file.stat({ bigint: true });
  return { inode: String(ino), born: String(birthtimeNs) };
}

/** Whether a file still has the identity that it was given when it was made. */
export async function isStill(file: FileHandle, identity: FileIdentity): Promise<boolean> {
  const { ino, birthtimeNs, ctimeNs } = await file.stat({ bigint: true });
  // Where the system does not keep it, Node says 0 or the time of the last change.
  const knowsBirth = birthtimeNs > 0n && birthtimeNs !== ctimeNs;
  return identity.inode === String(ino) && (!knowsBirth || identity.born === String(birthtimeNs));
}
