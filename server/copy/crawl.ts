import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { HeadwaterError, messageOf } from '../../shared/errors.js';
import { sleep, TimeoutError, timeout } from '../async/index.js';
import { bodyOf, get, redirectOf, type WebClient, type WebResponse } from '../web/client.js';
import { WebError, webErrorOf } from '../web/failure.js';
import { type Catalog, type Entry, MAX_REDIRECTS, originalName } from './catalog.js';
import { linksIn } from './document.js';
import { type Folder, originalOf, PlaceError } from './folder.js';
import type { Frontier, Job } from './frontier.js';
import { addressOf } from './link.js';
import { type MediaType, mediaTypeOf } from './media-type.js';
import type { NameTable } from './name-table.js';
import type { CopyOptions, CopyProblem, CopyProgress } from './options.js';

/** The state is saved this often, so that a run that is killed loses little. */
const SAVE_EVERY_MS = 2_000;
/** Errors of the file system that no other file would be spared. */
const FATAL = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

export interface CrawlOptions {
  client: WebClient;
  /** The address to start from, with its userinfo, which goes along with every request. */
  start: URL;
  frontier: Frontier;
  catalog: Catalog;
  folder: Folder;
  names: NameTable;
  options: CopyOptions;
  progress: CopyProgress;
}

export interface CrawlResult {
  fetched: number;
  unchanged: number;
  /** Addresses left out because the copy had reached its size. */
  beyondBytes: number;
  problems: CopyProblem[];
}

/** Fetches all that belongs to the copy. Pages and style sheets are kept as they came, all else goes to its place. */
export async function crawl(
  crawlOptions: CrawlOptions,
  result: CrawlResult,
  signal: AbortSignal,
): Promise<void> {
  const { client, start, frontier, catalog, folder, names, options, progress } = crawlOptions;
  const takeTurn = createTurnstile(options.delay);
  /** Bytes of the files of this run. */
  let held = 0;
  let savedAt = performance.now();

  async function visit(job: Job, taskSignal: AbortSignal): Promise<void> {
    try {
      const known = await intact(job.address);
      // The run before was interrupted, but had been here.
      if (known?.run === catalog.run) keep(job, known);
      else if (held >= options.bytes) result.beyondBytes++;
      else await ask(job, known, taskSignal);
      await followLinks(job);
    } catch (error) {
      if (taskSignal.aborted) throw error;
      if (FATAL.has((error as NodeJS.ErrnoException).code ?? '')) throw unwritable(folder, error);
      result.problems.push({ url: job.address, reason: reasonOf(error, options.timeout) });
      progress.failed++;
    }
    progress.done++;
    progress.queued = frontier.size - 1;
    options.onProgress?.(progress);
    if (performance.now() - savedAt > SAVE_EVERY_MS) {
      savedAt = performance.now();
      await catalog.save();
    }
  }

  async function ask(job: Job, known: Entry | undefined, taskSignal: AbortSignal): Promise<void> {
    await takeTurn(taskSignal);
    await timeout(options.timeout, (own) => fetchFile(job, known, own), {
      signal: taskSignal,
      name: 'fetch',
    });
  }

  async function fetchFile(job: Job, known: Entry | undefined, own: AbortSignal): Promise<void> {
    const url = new URL(job.address);
    url.username = start.username;
    url.password = start.password;
    const response = await get(client, url, { headers: conditionsFrom(known), signal: own });
    const { statusCode } = response;
    const target = redirectOf(response, url);
    if (target === undefined && statusCode === 200) return save(job, response);
    await response.body.dump({ limit: 64 * 1024, signal: own });
    if (target) redirect(job, addressOf(target));
    else if (known && statusCode === 304) keep(job, known);
    else throw new WebError(`answered ${statusCode}`);
  }

  function keep(job: Job, known: Entry): void {
    catalog.set(job.address, { ...known, run: catalog.run });
    held += known.bytes ?? 0;
    if (known.redirect === undefined) result.unchanged++;
    else redirect(job, known.redirect);
  }

  function redirect(job: Job, target: string): void {
    if (target === job.address) throw new WebError('redirected to itself');
    if (job.redirects >= MAX_REDIRECTS) throw new WebError(`redirected more than ${MAX_REDIRECTS} times`);
    catalog.set(job.address, { run: catalog.run, redirect: target });
    if (frontier.redirect(target, job) || job.address !== addressOf(start)) return;
    throw new WebError(`leads to another host; copy ${target} instead`);
  }

  async function save(job: Job, response: WebResponse): Promise<void> {
    const temporary = folder.temporary();
    const bytes = await receive(response, temporary);
    try {
      const media = await mediaTypeOf(response.headers['content-type'], job, temporary);
      const before = catalog.entries.get(job.address);
      const isSame = before?.type === media.type && before?.kind === media.kind;
      const path = (isSame ? before?.path : undefined) ?? names.assign(job.address, media.naming);
      await put(job.address, temporary, path, media);
      catalog.set(job.address, {
        run: catalog.run,
        path,
        bytes,
        ...describe(media),
        ...validatorsOf(response),
      });
      result.fetched++;
    } catch (error) {
      held -= bytes;
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Writes a body to a file of its own, within the bounds. */
  async function receive(response: WebResponse, temporary: string): Promise<number> {
    const file = await open(temporary, 'wx');
    let bytes = 0;
    try {
      for await (const chunk of bodyOf(response, options.fileBytes)) {
        bytes += chunk.length;
        held += chunk.length;
        if (held > options.bytes)
          throw new WebError(`did not fit: the copy has reached ${options.bytes} bytes`);
        await file.writeFile(chunk);
        progress.bytes += chunk.length;
        options.onProgress?.(progress);
      }
      return bytes;
    } catch (error) {
      held -= bytes;
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  async function put(address: string, temporary: string, path: string, { kind }: MediaType): Promise<void> {
    const isOurs = catalog.isOurs(path);
    if (kind === 'other') return folder.place(temporary, path, { isOurs });
    const target = await folder.prepare(path);
    if (!isOurs && (await exists(target))) {
      throw new PlaceError(`has a file in its place that is not of this copy, ${path}`);
    }
    await rename(temporary, originalOf(folder, originalName(address)));
  }

  async function followLinks(job: Job): Promise<void> {
    const entry = catalog.entries.get(job.address);
    if (!entry?.path || (entry.kind !== 'page' && entry.kind !== 'style')) return;
    const bytes = await readFile(originalOf(folder, originalName(job.address)));
    for (const link of linksIn(bytes, job.address, entry)) frontier.follow(link, job);
  }

  /** What is known of an address, if its file is still there. */
  async function intact(address: string): Promise<Entry | undefined> {
    const entry = catalog.entries.get(address);
    if (!entry?.path) return entry;
    const original = entry.kind === 'other' ? undefined : originalOf(folder, originalName(address));
    const file = original ?? (await folder.prepare(entry.path).catch(() => ''));
    const found = await stat(file).catch(() => undefined);
    return found?.size === entry.bytes ? entry : undefined;
  }

  await frontier.drain(visit, { concurrency: options.concurrency, signal });
}

/** Lets one through every `delay` ms. */
function createTurnstile(delay: number): (signal: AbortSignal) => Promise<void> {
  let next = 0;
  return async (signal) => {
    const now = performance.now();
    const turn = Math.max(now, next);
    next = turn + delay;
    if (turn > now) await sleep(turn - now, { signal });
  };
}

function unwritable({ root }: Folder, cause: unknown): HeadwaterError {
  const text = `"${root}" cannot be written to: ${messageOf(cause)}. Copy again to go on.`;
  return new HeadwaterError('copy_failed', text, { cause });
}

function conditionsFrom(entry: Entry | undefined): Record<string, string> {
  return {
    ...(entry?.etag && { 'if-none-match': entry.etag }),
    ...(entry?.lastModified && { 'if-modified-since': entry.lastModified }),
  };
}

function validatorsOf({ headers }: WebResponse): Pick<Entry, 'etag' | 'lastModified'> {
  const { etag, 'last-modified': lastModified } = headers;
  return {
    ...(typeof etag === 'string' && { etag }),
    ...(typeof lastModified === 'string' && { lastModified }),
  };
}

function describe({ kind, type, charset }: MediaType): Pick<Entry, 'kind' | 'type' | 'charset'> {
  return { kind, ...(type !== undefined && { type }), ...(charset !== undefined && { charset }) };
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function reasonOf(error: unknown, limit: number): string {
  if (error instanceof PlaceError) return error.message;
  if (error instanceof TimeoutError) return `took longer than ${limit / 1000} s`;
  return webErrorOf(error).message;
}
