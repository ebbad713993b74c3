import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';

/** How the suite judged one case: `OK`, `INFORMATIONAL`, `NON-STRICT`, `UNIMPLEMENTED`, `UNCLEAN`, `FAILED` … */
export interface AutobahnVerdict {
  readonly behavior: string;
  readonly behaviorClose: string;
  /** Whether the suite's patience ended before the case did, and nothing that came until then was wrong. */
  readonly timedOut: boolean;
}

/** The verdicts by case: `6.4.1`. */
export type AutobahnReport = Readonly<Record<string, AutobahnVerdict>>;

/** What the suite notes of one case. */
interface CaseReport {
  behavior: string;
  behaviorClose: string;
  /** The events that may come, by the verdict that they lead to; empty where a case judges by itself. */
  expected: Record<string, unknown[]>;
  received: unknown[];
  /** What happened on the connection; each begins with its kind. */
  wirelog: [kind: string, ...unknown[]][];
  wasOpenHandshakeTimeout: boolean;
  wasCloseHandshakeTimeout: boolean;
  wasServerConnectionDropTimeout: boolean;
}

/** Of the wire log: the suite failed, or closed, a connection whose time was over. */
const TIME_IS_OVER = ['KLE', 'TIE'];

/** The command of the Autobahn test suite: `WSTEST`, or where `.ci/run` installs it; `undefined` where it is not. */
export function findWstest(): string | undefined {
  const given = process.env.WSTEST;
  if (given) return given;
  const root = join(homedir(), '.cache', 'headwater');
  const found = existsSync(root) ? readdirSync(root).map((name) => join(root, name, 'bin', 'wstest')) : [];
  return found.find((path) => existsSync(path));
}

/** Runs these cases but the excluded ones against a server that echoes every message. */
export async function runAutobahn(
  wstest: string,
  {
    url,
    cases,
    exclude,
    timeout,
  }: { url: string; cases: readonly string[]; exclude: readonly string[]; timeout: number },
): Promise<AutobahnReport> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-autobahn-'));
  try {
    const spec = {
      outdir: join(folder, 'report'),
      servers: [{ agent: 'server', url }],
      cases,
      'exclude-cases': exclude,
      'exclude-agent-cases': {},
    };
    const specFile = join(folder, 'spec.json');
    await writeFile(specFile, JSON.stringify(spec));
    await promisify(execFile)(wstest, ['-m', 'fuzzingclient', '-s', specFile], {
      cwd: folder,
      timeout,
      maxBuffer: 64 * 1024 * 1024,
    });
    const read = async (file: string) => JSON.parse(await readFile(join(folder, 'report', file), 'utf8'));
    const { server } = (await read('index.json')) as { server: Record<string, { reportfile: string }> };
    const verdicts = Object.entries(server).map(
      async ([name, { reportfile }]) => [name, verdictOf(await read(reportfile))] as const,
    );
    return Object.fromEntries(await Promise.all(verdicts));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function verdictOf(report: CaseReport): AutobahnVerdict {
  const { behavior, behaviorClose, expected, received, wirelog } = report;
  const timeIsOver =
    report.wasOpenHandshakeTimeout ||
    report.wasCloseHandshakeTimeout ||
    report.wasServerConnectionDropTimeout ||
    wirelog.some(([kind]) => TIME_IS_OVER.includes(kind));
  const lists = Object.values(expected);
  const nothingWrong =
    lists.length === 0 ||
    lists.some((list) => received.every((event, index) => isDeepStrictEqual(event, list[index])));
  return { behavior, behaviorClose, timedOut: timeIsOver && nothingWrong };
}
