import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** How the suite judged one case: `OK`, `INFORMATIONAL`, `NON-STRICT`, `UNIMPLEMENTED`, `UNCLEAN`, `FAILED` … */
export interface AutobahnVerdict {
  readonly behavior: string;
  readonly behaviorClose: string;
}

/** The verdicts by case: `6.4.1`. */
export type AutobahnReport = Readonly<Record<string, AutobahnVerdict>>;

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
    const index = JSON.parse(await readFile(join(folder, 'report', 'index.json'), 'utf8'));
    return index.server as AutobahnReport;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
