import { copySite } from '../copy/copy-site.js';
import { COPY_DEFAULTS, type CopyOptions } from '../copy/options.js';
import { showCopyProgress } from './copy-progress.js';
import { copyReport, copyReportJson } from './copy-report.js';
import type { ExitCode } from './exit.js';
import { bytes, duration, webUrl, wholeNumber } from './flag-values.js';
import { interruption } from './interruption.js';

export interface CopyFlags {
  depth?: string;
  pages?: string;
  bytes?: string;
  fileBytes?: string;
  concurrency?: string;
  delay?: string;
  timeout?: string;
  json?: boolean;
}

/** Copies a site into a folder, and says what came of it. 130 when it was interrupted. */
export async function copy(url: string, directory: string, flags: CopyFlags): Promise<ExitCode> {
  const start = webUrl(url);
  const limits = limitsOf(flags);
  const progress = showCopyProgress();
  using stop = interruption(() => progress.note('stopping: what was copied is kept'));
  try {
    const summary = await copySite(start, directory, {
      ...limits,
      signal: stop.signal,
      onProgress: progress.update,
      onNotice: progress.note,
    });
    progress.end();
    const report = flags.json ? copyReportJson(summary) : copyReport(summary);
    process.stdout.write(`${report}\n`);
    if (summary.interrupted) process.stderr.write('Interrupted. The same command goes on from here.\n');
    return summary.interrupted ? 130 : 0;
  } catch (error) {
    // Interrupted before anything was begun, in the wait for a lock.
    if (!stop.signal.aborted || !(error instanceof Error) || error.name !== 'AbortError') throw error;
    process.stderr.write('Interrupted before the copy began.\n');
    return 130;
  } finally {
    progress.end();
  }
}

function limitsOf(flags: CopyFlags): Omit<CopyOptions, 'signal'> {
  const given = <T>(text: string | undefined, read: (text: string) => T, fallback: T) =>
    text === undefined ? fallback : read(text);
  return {
    depth: given(flags.depth, (text) => wholeNumber('--depth', text, 0), COPY_DEFAULTS.depth),
    pages: given(flags.pages, (text) => wholeNumber('--pages', text, 1), COPY_DEFAULTS.pages),
    bytes: given(flags.bytes, (text) => bytes('--bytes', text), COPY_DEFAULTS.bytes),
    fileBytes: given(flags.fileBytes, (text) => bytes('--file-bytes', text), COPY_DEFAULTS.fileBytes),
    concurrency: given(
      flags.concurrency,
      (text) => wholeNumber('--concurrency', text, 1),
      COPY_DEFAULTS.concurrency,
    ),
    delay: given(flags.delay, (text) => duration('--delay', text), COPY_DEFAULTS.delay),
    timeout: given(flags.timeout, (text) => duration('--timeout', text, 1), COPY_DEFAULTS.timeout),
  };
}
