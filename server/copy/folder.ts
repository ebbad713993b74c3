import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { HeadwaterError } from '../../shared/errors.js';

/** Why a file was not written: what follows the name of its URL. */
export class PlaceError extends Error {}

/** The folder of a copy. Nothing is written outside it, whatever paths and symbolic links say. */
export interface Folder {
  /** Its real path. */
  readonly root: string;
  /** Where the copier keeps its own things. */
  readonly own: string;
  /** The path of a file that does not exist yet, for a body to be written to. */
  temporary(): string;
  /**
   * Makes the folders that `path` needs and says where it really is. Throws a {@link PlaceError} where a symbolic link
   * leads out, or where something is in the way that is no file.
   */
  prepare(path: string): Promise<string>;
  /** Moves a temporary file to its place, in one step. A file of somebody else's is only replaced by an equal one. */
  place(temporary: string, path: string, options: { isOurs: boolean }): Promise<void>;
  /** Writes a file in one step, unless it says so already. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}

const OWN = '.headwater-copy';

/** Opens the folder, and makes it if there is none. */
export async function openFolder(directory: string): Promise<Folder> {
  let root: string;
  try {
    await mkdir(directory, { recursive: true });
    root = await realpath(directory);
    await mkdirOwn(join(root, OWN));
    for (const name of ['originals', 'temporary']) await mkdirOwn(join(root, OWN, name));
  } catch (error) {
    if (error instanceof HeadwaterError) throw error;
    const { message } = error as Error;
    throw new HeadwaterError('copy_failed', `"${directory}" cannot be written to: ${message}`, {
      cause: error,
    });
  }

  const folder: Folder = {
    root,
    own: join(root, OWN),
    temporary: () => join(root, OWN, 'temporary', randomUUID()),

    async prepare(path) {
      const segments = path.split('/');
      if (segments.some((segment) => segment === '' || segment.startsWith('.') || segment.includes(sep))) {
        throw new PlaceError(`has a place outside the folder, ${path}`);
      }
      const name = segments.pop()!;
      let place = root;
      for (const segment of segments) place = await enter(root, join(place, segment));
      const target = join(place, name);
      // A symbolic link in its place is replaced, not followed: that is what `rename` does.
      if ((await lstatOf(target))?.isDirectory()) throw new PlaceError(`has a folder in its place, ${path}`);
      return target;
    },

    async place(temporary, path, { isOurs }) {
      try {
        const target = await folder.prepare(path);
        if (!isOurs && (await lstatOf(target)) && !(await areEqual(temporary, target))) {
          throw new PlaceError(`has a file in its place that is not of this copy, ${path}`);
        }
        await rename(temporary, target);
      } finally {
        await rm(temporary, { force: true });
      }
    },

    async write(path, bytes) {
      const target = await folder.prepare(path);
      if (await holds(target, bytes)) return;
      const temporary = folder.temporary();
      try {
        await writeFile(temporary, bytes, { flag: 'wx' });
        await rename(temporary, target);
      } finally {
        await rm(temporary, { force: true });
      }
    },
  };
  return folder;
}

/** Removes what an ended run left half written. Only for who holds the lock. */
export async function clearTemporary({ own }: Folder): Promise<void> {
  const directory = join(own, 'temporary');
  for (const name of await readdir(directory)) await rm(join(directory, name), { force: true });
}

/** Goes into a folder below `root`, which is made if there is none. */
async function enter(root: string, directory: string): Promise<string> {
  const found = await lstatOf(directory);
  if (!found) {
    await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
      // Another file of the same folder was first.
      if (error.code !== 'EEXIST') throw error;
    });
    return directory;
  }
  const shown = relative(root, directory);
  if (found.isSymbolicLink()) {
    const real = await realpath(directory).catch(() => undefined);
    const isInside = real === root || real?.startsWith(root + sep);
    if (!real || !isInside || real.startsWith(join(root, OWN))) {
      throw new PlaceError(`would be written through a symbolic link that leads out of the folder, ${shown}`);
    }
    return real;
  }
  if (!found.isDirectory()) throw new PlaceError(`needs a folder where there is a file, ${shown}`);
  return directory;
}

/** The copier's own folders must be real ones: what it keeps there is not checked path by path. */
async function mkdirOwn(directory: string): Promise<void> {
  if (!(await lstatOf(directory))) await mkdir(directory);
  if ((await lstat(directory)).isDirectory()) return;
  throw new HeadwaterError(
    'copy_failed',
    `"${directory}" is in the way; it must be a folder of headwater's own.`,
  );
}

async function lstatOf(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function areEqual(temporary: string, target: string): Promise<boolean> {
  const [ours, theirs] = await Promise.all([lstat(temporary), lstat(target)]);
  return theirs.isFile() && ours.size === theirs.size && holds(target, await readFile(temporary));
}

/** Whether a path is a file with these bytes. */
async function holds(path: string, bytes: Uint8Array): Promise<boolean> {
  const found = await lstatOf(path);
  return found?.isFile() === true && found.size === bytes.length && (await readFile(path)).equals(bytes);
}

/** Where the body of a page or style sheet is kept as it came. */
export function originalOf({ own }: Folder, name: string): string {
  return join(own, 'originals', name);
}
