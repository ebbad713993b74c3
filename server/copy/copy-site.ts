import { performance } from 'node:perf_hooks';
import { HeadwaterError } from '../../shared/errors.js';
import { ExceptionGroup, run } from '../async/index.js';
import { createWebClient } from '../web/client.js';
import { WebError } from '../web/failure.js';
import { type Catalog, openCatalog } from './catalog.js';
import { type CrawlResult, crawl } from './crawl.js';
import { fetchRobots } from './fetch-robots.js';
import { clearTemporary, type Folder, openFolder } from './folder.js';
import { createFrontier, type Frontier } from './frontier.js';
import { addressOf } from './link.js';
import { linkUp } from './link-up.js';
import { lockFolder } from './lock.js';
import { createNameTable } from './name-table.js';
import type { CopyOptions, CopyProgress, CopySummary } from './options.js';

/**
 * Copies what a site shows from `start` on into a folder, so that it can be read from disk: pages of that host (scheme,
 * name and port) within the bounds and within its robots.txt (RFC 9309), with links made relative. Called again for the
 * same folder it goes on where it was interrupted, or else brings the copy up to date with conditional requests.
 *
 * What cannot be copied is listed in the summary. Throws `copy_failed` where nothing could be, the folder cannot be
 * written to or holds another copy, and `copy_locked` while another one is being made there.
 */
export async function copySite(start: URL, directory: string, options: CopyOptions): Promise<CopySummary> {
  const startedAt = performance.now();
  const folder = await openFolder(directory);
  const lost = new AbortController();
  const unlock = await lockFolder(folder, {
    signal: options.signal,
    onLost: (cause) => {
      const text = `The lock of "${folder.root}" got lost; copy again to go on.`;
      lost.abort(new HeadwaterError('copy_locked', text, { cause }));
    },
    onWait: (notice) => options.onNotice?.(notice),
  });
  try {
    await clearTemporary(folder);
    const catalog = await openCatalog(folder, addressOf(start));
    if (catalog.continues) options.onNotice?.('going on where the last run was interrupted');
    const summary = await copyInto(folder, catalog, start, options, lost.signal);
    return { ...summary, elapsed: performance.now() - startedAt };
  } finally {
    if (!lost.signal.aborted) await unlock();
  }
}

async function copyInto(
  folder: Folder,
  catalog: Catalog,
  start: URL,
  options: CopyOptions,
  lost: AbortSignal,
): Promise<Omit<CopySummary, 'elapsed'>> {
  const progress: CopyProgress = { done: 0, queued: 1, failed: 0, bytes: 0 };
  const result: CrawlResult = { fetched: 0, unchanged: 0, beyondBytes: 0, problems: [] };
  const client = createWebClient();
  let frontier: Frontier | undefined;
  try {
    await run(
      async (signal) => {
        const robots = await fetchRobots(client, start, { timeout: options.timeout, signal });
        if (!robots(addressOf(start)))
          throw new WebError('may not be fetched, says the robots.txt of the site');
        frontier = createFrontier({ start: addressOf(start), bounds: options, robots });
        const names = createNameTable([...catalog.entries.values()].flatMap(({ path }) => path ?? []));
        await crawl({ client, start, frontier, catalog, folder, names, options, progress }, result, signal);
      },
      { signal: AbortSignal.any([options.signal, lost]), name: 'copy' },
    );
  } catch (error) {
    if (error instanceof WebError) throw nothingCopied(start, error.message);
    // Whoever has the lock now writes: this run may not any more.
    if (lost.aborted) throw lost.reason;
    if (!options.signal.aborted) throw error instanceof ExceptionGroup ? error.errors[0] : error;
  } finally {
    await client.close();
  }

  const interrupted = options.signal.aborted;
  // First, so that the files of pages are known as the copy's own before they are there.
  await catalog.save();
  await linkUp(catalog, folder, result.problems);
  await catalog.save({ complete: !interrupted });
  const current = [...catalog.entries.values()].filter((entry) => entry.run === catalog.run && entry.path);
  if (current.length === 0 && !interrupted) {
    throw nothingCopied(start, result.problems[0]?.reason ?? 'leads to nothing that can be copied');
  }
  const skipped = frontier?.skipped ?? { robots: 0, bounds: 0 };
  return {
    url: addressOf(start),
    directory: folder.root,
    index: catalog.fileOf(addressOf(start))?.path ?? '',
    interrupted,
    pages: current.filter(({ kind }) => kind === 'page').length,
    files: current.length,
    fetched: result.fetched,
    unchanged: result.unchanged,
    bytes: progress.bytes,
    skipped: { robots: skipped.robots, bounds: skipped.bounds + result.beyondBytes },
    problems: result.problems,
  };
}

function nothingCopied(start: URL, reason: string): HeadwaterError {
  return new HeadwaterError('copy_failed', `Nothing was copied: ${addressOf(start)} ${reason}.`);
}
