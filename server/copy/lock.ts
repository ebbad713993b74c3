import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { z } from 'zod';
import { HeadwaterError } from '../../shared/errors.js';
import { sleep } from '../async/index.js';
import type { Folder } from './folder.js';

/** After this long without a sign of life a lock is nobody's. Long enough for a page that takes seconds to parse. */
const STALE_MS = 10_000;
const RETRY_MS = 250;

const HOLDER = z.object({ pid: z.int().positive(), host: z.string(), since: z.string() });
type Holder = z.infer<typeof HOLDER>;

interface LockOptions {
  signal: AbortSignal;
  /** The lock got lost: the process stood still for so long that another one may have taken it. */
  onLost(error: Error): void;
  /** Somebody who has died holds it; it is free in a while. */
  onWait(notice: string): void;
}

/** A folder belongs to one copy at a time: takes it, or throws `copy_locked` and says whose it is. */
export async function lockFolder(
  folder: Folder,
  { signal, onLost, onWait }: LockOptions,
): Promise<() => Promise<void>> {
  const holderFile = join(folder.own, 'holder.json');
  const giveUpAt = Date.now() + STALE_MS + 5_000;
  for (let attempt = 0; ; attempt++) {
    try {
      const unlock = await lock(folder.root, {
        lockfilePath: join(folder.own, 'lock'),
        stale: STALE_MS,
        realpath: false,
        onCompromised: onLost,
      });
      const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
      await writeFile(holderFile, JSON.stringify(holder));
      return async () => {
        await rm(holderFile, { force: true });
        await unlock();
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    }
    const holder = await readHolder(holderFile);
    if (!holder || !hasDied(holder) || Date.now() > giveUpAt) throw locked(folder, holder);
    if (attempt === 0) {
      onWait(`process ${holder.pid}, which copied into this folder, has died; waiting for its lock to lapse`);
    }
    await sleep(RETRY_MS, { signal });
  }
}

function locked({ root }: Folder, holder: Holder | undefined): HeadwaterError {
  const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.since}` : 'another process';
  return new HeadwaterError(
    'copy_locked',
    `Another copy is being made into "${root}" by ${who}. Wait for it to end, stop it, or choose another folder.`,
  );
}

async function readHolder(file: string): Promise<Holder | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    return HOLDER.parse(JSON.parse(text));
  } catch {
    // It has just been taken, and who took it has not written a name yet.
    return undefined;
  }
}

function hasDied({ pid, host }: Holder): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
