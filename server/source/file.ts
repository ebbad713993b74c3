import { createHash } from 'node:crypto';
import { constants, type FSWatcher, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isTooDeep, MAX_DEPTH } from '../../shared/depth.js';
import type { Json } from '../../shared/json.js';
import type { Source } from './source.js';
import { SourceError } from './source-error.js';

const MAX_BYTES = 16 * 1024 * 1024;
/** A file that does not parse is read again this often, this long apart, before it fails: somebody may be writing it. */
const ATTEMPTS = 10;
const ATTEMPT_DELAY = 40;
/** Events that come closer together than this are one change. */
const SETTLE = 20;

/**
 * A JSON file (UTF-8, at most 16 MiB), read at each interval, and at once when it changes. Its directory is watched
 * rather than the file, so a file that is replaced by renaming another over it, or made later, is noticed too; where
 * watching is impossible the interval does alone. The same bytes again are `unchanged`.
 */
export function fileSource(path: string): Source {
  const file = resolve(path);
  const label = `the file ${basename(file)}`;
  let known: string | undefined;

  return {
    label,
    async fetch({ signal, previous }) {
      for (let attempt = 1; ; attempt++) {
        const bytes = await read(file, label, signal);
        const digest = createHash('sha256').update(bytes).digest('base64');
        if (digest === known && previous !== undefined) return { kind: 'unchanged' };
        const value = parse(bytes);
        if (value !== undefined) {
          if (isTooDeep(value)) throw new SourceError(`${label} nests deeper than ${MAX_DEPTH} levels`);
          known = digest;
          return { kind: 'value', value };
        }
        if (attempt === ATTEMPTS)
          throw new SourceError(`${label} ${bytes.length === 0 ? 'is empty' : 'is no JSON'}`);
        await delay(ATTEMPT_DELAY, undefined, { signal });
      }
    },
    watch: (changed, signal) => watchFile(file, changed, signal),
  };
}

async function read(file: string, label: string, signal: AbortSignal): Promise<Buffer> {
  try {
    // Who opens a pipe waits for its writer, in one of the few threads that all files and names of hosts share.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const entry = await handle.stat();
      if (entry.isDirectory()) throw new SourceError(`${label} is a directory`);
      // A pipe or a device may have no end.
      if (!entry.isFile()) throw new SourceError(`${label} is no regular file`);
      if (entry.size > MAX_BYTES) throw new SourceError(`${label} is larger than ${MAX_BYTES} bytes`);
      return await handle.readFile({ signal } as { signal: AbortSignal });
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof SourceError) throw cause;
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    const reason = { ENOENT: 'does not exist', EACCES: 'may not be read' }[code];
    throw new SourceError(`${label} ${reason ?? `cannot be read (${code})`}`, { cause });
  }
}

function parse(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

function watchFile(file: string, changed: () => void, signal: AbortSignal): void {
  const name = basename(file);
  let settling: NodeJS.Timeout | undefined;
  let watcher: FSWatcher;
  try {
    watcher = watch(dirname(file), { signal });
  } catch {
    // No such directory yet, or no watches left: the next interval reads the file, or says why not.
    return;
  }
  signal.addEventListener('abort', () => clearTimeout(settling), { once: true });
  watcher.on('change', (_event, entry) => {
    // Kubernetes swaps a link named `..data` beside the file. Some platforms do not name the entry.
    if (entry !== null && entry !== name && !String(entry).startsWith('..')) return;
    settling ??= setTimeout(() => {
      settling = undefined;
      changed();
    }, SETTLE);
  });
  // The directory went away. The interval goes on, and reports it.
  watcher.on('error', () => watcher.close());
}
