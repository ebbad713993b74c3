import { readFile } from 'node:fs/promises';
import { type Catalog, originalName } from './catalog.js';
import { rewriteDocument } from './document.js';
import { relativeReference } from './file-name.js';
import { type Folder, originalOf, PlaceError } from './folder.js';
import type { LinkVisitor } from './link.js';
import type { CopyProblem } from './options.js';
import { encodeText } from './text.js';

/**
 * Writes every page and style sheet of the copy to its place: links to what the copy holds become relative, all others
 * absolute. What a page was refused for is added to `problems`.
 */
export async function linkUp(catalog: Catalog, folder: Folder, problems: CopyProblem[]): Promise<void> {
  for (const [address, entry] of catalog.entries) {
    const { path, kind } = entry;
    if (path === undefined || kind === 'other') continue;
    const bytes = await readFile(originalOf(folder, originalName(address))).catch(() => undefined);
    // Somebody deleted it; the next run fetches it again.
    if (!bytes) continue;
    try {
      await folder.write(
        path,
        encodeText(rewriteDocument(bytes, address, entry, pointingFrom(path, catalog))),
      );
    } catch (error) {
      if (!(error instanceof PlaceError)) throw error;
      problems.push({ url: address, reason: error.message });
    }
  }
}

function pointingFrom(path: string, catalog: Catalog): LinkVisitor {
  return ({ address, hash, role }) => {
    const target = role === 'mention' ? undefined : catalog.fileOf(address);
    return target ? `${relativeReference(path, target.path)}${hash}` : `${address}${hash}`;
  };
}
