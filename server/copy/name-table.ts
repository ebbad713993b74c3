import { createHash } from 'node:crypto';
import { extensionOf, OVERFLOW_FOLDER, pathKey, wantedPath } from './file-name.js';

/** Which file belongs to which URL: each gets a path of its own, whatever the file system thinks of case. */
export interface NameTable {
  /** Takes a path for a URL. The caller remembers it and does not ask again. */
  assign(address: string, type: string | undefined): string;
}

/** A table in which `taken` are the paths given away before. */
export function createNameTable(taken: Iterable<string>): NameTable {
  const files = new Set<string>();
  /** Every folder that a file stands in: no file can have its name. */
  const folders = new Set<string>();

  function take(path: string): void {
    const key = pathKey(path);
    files.add(key);
    for (const folder of foldersOf(key)) folders.add(folder);
  }

  function isFree(path: string): boolean {
    const key = pathKey(path);
    return !files.has(key) && !folders.has(key) && !foldersOf(key).some((folder) => files.has(folder));
  }

  for (const path of taken) take(path);
  return {
    assign(address, type) {
      const path = candidates(address, type).find(isFree);
      if (path === undefined) throw new Error(`There are two files for ${address}.`);
      take(path);
      return path;
    },
  };
}

/** From the most readable path to one that no other URL can have. */
function candidates(address: string, type: string | undefined): string[] {
  const hash = createHash('sha256').update(address).digest('hex').slice(0, 32);
  const wanted = wantedPath(address, type);
  const extension = extensionOf(wanted);
  const marked = `${wanted.slice(0, wanted.length - extension.length)}~${hash.slice(0, 8)}${extension}`;
  const last = `${OVERFLOW_FOLDER}/${hash}${extension || extensionOf(wantedPath(new URL('/x', address).href, type))}`;
  return wanted === '' ? [last] : [wanted, marked, last];
}

function foldersOf(path: string): string[] {
  const segments = path.split('/').slice(0, -1);
  return segments.map((_, depth) => segments.slice(0, depth + 1).join('/'));
}
