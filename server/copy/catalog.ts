import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HeadwaterError, messageOf } from '../../shared/errors.js';
import type { Folder } from './folder.js';

/** Longer chains of redirects are not followed. */
export const MAX_REDIRECTS = 5;

const ENTRY = z.object({
  /** The run that saw it last. */
  run: z.int(),
  /** Where a redirect leads. */
  redirect: z.string().optional(),
  /** Its file, inside the folder. */
  path: z.string().optional(),
  /** A `page` and a `style` are kept as they came as well; their files are made from that. */
  kind: z.enum(['page', 'style', 'other']).optional(),
  type: z.string().optional(),
  charset: z.string().optional(),
  bytes: z.int().optional(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
});
const STATE = z.object({
  format: z.literal(1),
  start: z.string(),
  run: z.int(),
  complete: z.boolean(),
  entries: z.record(z.string(), ENTRY),
});

/** What is known of a URL. */
export type Entry = z.infer<typeof ENTRY>;

/** What a copy consists of: it outlives the run in `.headwater-copy/state.json`. */
export interface Catalog {
  /** This run; one that goes on where another was interrupted is the same run. */
  readonly run: number;
  /** Whether it goes on where another was interrupted. */
  readonly continues: boolean;
  readonly entries: ReadonlyMap<string, Entry>;
  set(address: string, entry: Entry): void;
  /** The entry with the file that an address comes to, over redirects; `undefined` if none is held. */
  fileOf(address: string): (Entry & { path: string }) | undefined;
  /** Whether a file was there before this run, and is the copy's own. */
  isOurs(path: string): boolean;
  save(options?: { complete: boolean }): Promise<void>;
}

/** Reads what is known of the copy in a folder. Throws `copy_failed` if that is one of something else. */
export async function openCatalog(folder: Folder, start: string): Promise<Catalog> {
  const file = join(folder.own, 'state.json');
  const state = await readState(file);
  if (state && state.start !== start) {
    throw new HeadwaterError(
      'copy_failed',
      `"${folder.root}" holds a copy of ${state.start}; choose another folder for ${start}.`,
    );
  }
  const continues = state !== undefined && !state.complete;
  const run = state === undefined ? 1 : state.run + (state.complete ? 1 : 0);
  const entries = new Map(Object.entries(state?.entries ?? {}));
  const before = new Set([...entries.values()].flatMap(({ path }) => path ?? []));

  return {
    run,
    continues,
    entries,
    set: (address, entry) => entries.set(address, entry),
    isOurs: (path) => before.has(path),
    fileOf(address) {
      let entry = entries.get(address);
      for (let hops = 0; entry?.redirect !== undefined && hops < MAX_REDIRECTS; hops++) {
        entry = entries.get(entry.redirect);
      }
      return entry?.path === undefined ? undefined : { ...entry, path: entry.path };
    },
    async save({ complete } = { complete: false }) {
      const text = JSON.stringify({ format: 1, start, run, complete, entries: Object.fromEntries(entries) });
      const temporary = folder.temporary();
      await writeFile(temporary, text, { flag: 'wx' });
      await rename(temporary, file);
    },
  };
}

/** The name under which the body of a page or style sheet is kept as it came. */
export function originalName(address: string): string {
  return createHash('sha256').update(address).digest('hex').slice(0, 40);
}

async function readState(file: string): Promise<z.infer<typeof STATE> | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return STATE.parse(JSON.parse(text));
  } catch (error) {
    throw new HeadwaterError(
      'copy_failed',
      `"${file}" is damaged (${messageOf(error).split('\n')[0]}); delete it to copy the site anew.`,
      { cause: error },
    );
  }
}
