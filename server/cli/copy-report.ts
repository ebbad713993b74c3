import { join } from 'node:path';
import type { CopySummary } from '../copy/options.js';
import { redactUrl } from '../web/redact-url.js';
import { paint } from './paint.js';
import { count, formatBytes, formatElapsed } from './quantities.js';

/** More problems than this are counted rather than shown. */
const SHOWN_PROBLEMS = 20;

/** What came of a copy, for a person. */
export function copyReport(summary: CopySummary): string {
  const { directory, files, pages, bytes, elapsed, fetched, unchanged, skipped, problems, index } = summary;
  const url = redactUrl(summary.url);
  const left = [
    ...(skipped.robots > 0 ? [`${skipped.robots} by robots.txt`] : []),
    ...(skipped.bounds > 0 ? [`${skipped.bounds} beyond the bounds`] : []),
  ];
  const shown = problems.slice(0, SHOWN_PROBLEMS);
  const more = problems.length - shown.length;
  return [
    `${summary.interrupted ? 'Copied a part of' : 'Copied'} ${paint('bold', url)} into ${directory}`,
    `  ${count(pages, 'page')}, ${count(files, 'file')} in all; ${formatBytes(bytes)} received in ${formatElapsed(elapsed)}`,
    `  ${fetched} fetched, ${unchanged} up to date already`,
    ...(left.length > 0 ? [`  left out: ${left.join(', ')}`] : []),
    ...(problems.length > 0 ? [paint('yellow', `  ${problems.length} could not be copied:`)] : []),
    ...shown.map(({ url: address, reason }) => `    ${redactUrl(address)} ${reason}`),
    ...(more > 0 ? [`    and ${more} more; --json lists them all`] : []),
    ...(index ? [`Open ${paint('cyan', join(directory, index))}`] : []),
  ].join('\n');
}

/** The same for a program. */
export function copyReportJson(summary: CopySummary): string {
  const problems = summary.problems.map(({ url, reason }) => ({ url: redactUrl(url), reason }));
  return JSON.stringify({ ...summary, url: redactUrl(summary.url), problems });
}
