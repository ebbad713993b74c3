import { readFileSync, readlinkSync } from 'node:fs';
import { readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadwaterError } from '../../../shared/errors.js';
import { sleep } from '../../async/sleep.js';
import { currentBoot } from './boot.js';

/** A lock that its holder has not renewed for so many ms is free. */
const STALE = 5_000;
const RENEWED_EVERY = 1_000;
const ASKED_EVERY = 250;
/** The folders that this process has locked, and has not lost. */
const held = new Set<string>();

/** Which process holds the lock, as far as others can look after it. */
interface Owner {
  pid: number;
  /** When the process was started, in ticks since the boot: pids are used again. */
  started: string | undefined;
  boot: string | undefined;
  /** Which pids it can be found among. */
  namespace: string | undefined;
  /** Of the lock: one left by somebody else says nothing about this one. */
  inode: string;
}

/**
 * Takes the lock of a folder (`lock` in it, beside `owner.json`, which says who has it). One that a dead process of
 * this machine left is broken at once; one whose holder cannot be looked after, when it was not renewed for 5 s.
 * `onLost` hears when somebody else has taken it, or it has gone with its disk.
 *
 * @throws {HeadwaterError} `state_locked` when it is held; what the file system throws
 */
export async function lockFolder(
  folder: string,
  onLost: (error: Error) => void,
): Promise<() => Promise<void>> {
  // Loaded by those who need it: it hooks into the signals of the process to take its locks away.
  const { default: lockfile } = await import('proper-lockfile');
  const lock = join(folder, 'lock');
  const note = join(folder, 'owner.json');
  let lost = false;
  const take = () =>
    lockfile.lock(folder, {
      realpath: false,
      lockfilePath: lock,
      stale: STALE,
      update: RENEWED_EVERY,
      onCompromised(error) {
        lost = true;
        held.delete(folder);
        onLost(error);
      },
    });

  for (let waited = 0; ; waited += ASKED_EVERY) {
    try {
      const unlock = await take();
      held.add(folder);
      await describe(lock, note);
      return async () => {
        if (lost) return;
        held.delete(folder);
        await unlock();
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      const owner = await ownerOf(lock, note);
      const alive = owner && isAlive(owner, folder);
      if (alive === false) await rmdir(lock).catch(ignoreMissing);
      else if (alive || waited > STALE + RENEWED_EVERY) throw locked(folder, owner);
      else await sleep(ASKED_EVERY);
    }
  }
}

function locked(folder: string, owner: Owner | undefined): HeadwaterError {
  const who = owner ? `process ${owner.pid}` : 'another process';
  return new HeadwaterError(
    'state_locked',
    `${folder} keeps the state of a running server (${who}): stop that one, or give this one a state.dir of its own`,
  );
}

async function describe(lock: string, note: string): Promise<void> {
  try {
    const self: Owner = {
      pid: process.pid,
      started: startOf(process.pid),
      boot: currentBoot(),
      namespace: namespaceOfSelf(),
      inode: await inodeOf(lock),
    };
    await writeFile(note, JSON.stringify(self), { mode: 0o600 });
  } catch {
    // It only spares others the wait, and the lock holds without: a full disk must not keep the server from starting.
  }
}

/** Whom the lock belongs to; `undefined` where that is not known. */
async function ownerOf(lock: string, note: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(note, 'utf8')) as Owner;
    return owner.inode === (await inodeOf(lock)) ? owner : undefined;
  } catch {
    // It is being taken or left just now, or was never described: time will tell.
    return undefined;
  }
}

/** `undefined` for a process that cannot be seen from here. */
function isAlive(owner: Owner, folder: string): boolean | undefined {
  const visible =
    owner.boot !== undefined && owner.boot === currentBoot() && owner.namespace === namespaceOfSelf();
  if (!visible) return undefined;
  return owner.pid === process.pid ? held.has(folder) : startOf(owner.pid) === owner.started;
}

async function inodeOf(path: string): Promise<string> {
  return String((await stat(path, { bigint: true })).ino);
}

/**
 * When a process was started (field 22 of proc_pid_stat(5)); `undefined` if there is none of that number, or only what is
 * left of one that nobody has waited for, as in a container without an init: it is dead (field 3).
 */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return /[ZX]/i.test(fields[0]!) ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function namespaceOfSelf(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
