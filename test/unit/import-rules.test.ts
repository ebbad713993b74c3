import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A file with one import, and whether the rules of the architecture let it stand. */
type Case = [file: string, imports: string];

const FORBIDDEN: Case[] = [
  ['shared/a.ts', 'node:fs'],
  ['shared/b.ts', 'zod'],
  ['shared/client/c.ts', '@scope/package'],
  ['shared/client/d.ts', '../../server/store/store.js'],
  ['client-demo/a.ts', 'zod'],
  ['client-demo/b.ts', '../server/app/app.js'],
  ['server/app/app.ts', 'ws'],
  ['server/async/a.ts', '../store/store.js'],
  ['server/loop/a.ts', '../hub/hub.js'],
  ['server/loop/deep/a.ts', '../../store/store.js'],
  ['server/store/a.ts', '../source/source.js'],
  ['server/store/b.ts', '../app/app.js'],
  ['server/source/a.ts', '../hub/hub.js'],
  ['server/source/b.ts', 'ioredis'],
  ['server/source/redis/c.ts', '../../hub/hub.js'],
  ['server/broker/a.ts', '../hub/hub.js'],
  ['server/hub/a.ts', '../edge/routes.js'],
  ['server/hub/b.ts', '../source/source.js'],
  ['server/hub/deep/c.ts', '../../app/app.js'],
  ['server/edge/a.ts', '../config/schema.js'],
  ['server/edge/b.ts', 'ws'],
  ['server/edge/c.ts', 'node:net'],
  ['server/edge/d.ts', 'node:http'],
  ['server/edge/e.ts', 'uWebSockets.js'],
  ['server/config/a.ts', '../source/http/http.js'],
  ['server/observe/a.ts', '../hub/hub.js'],
  ['server/observe/b.ts', '../source/host/hosts.js'],
  ['server/config/b.ts', '../source/host/host.js'],
  ['server/web/a.ts', '../copy/copy-site.js'],
  ['server/copy/a.ts', '../source/http/http.js'],
  ['server/copy/b.ts', '../app/app.js'],
  ['server/source/e.ts', '../copy/copy-site.js'],
  ['server/cli/a.ts', '../store/store.js'],
];
const ALLOWED: Case[] = [
  ['shared/client/y.ts', '../json.js'],
  ['client-demo/y.ts', '../shared/client/index.js'],
  ['client-demo/z.ts', 'uplot/dist/uPlot.min.css'],
  ['server/app/sources.ts', '../hub/hub.js'],
  ['server/loop/y.ts', 'node:net'],
  ['server/loop/z.ts', 'ws'],
  ['server/source/redis/y.ts', 'ioredis'],
  ['server/source/http/y.ts', '../../web/failure.js'],
  ['server/store/y.ts', '../../shared/json.js'],
  ['server/store/z.ts', '../async/clock.js'],
  ['server/hub/y.ts', '../broker/broker.js'],
  ['server/hub/z.ts', './edge.js'],
  ['server/edge/y.ts', '../loop/policy.js'],
  ['server/edge/z.ts', '../source/refresher.js'],
  ['server/config/y.ts', '../source/source.js'],
  ['server/config/z.ts', '../source/host/quota.js'],
  ['server/observe/y.ts', '../source/readings.js'],
  ['server/copy/y.ts', '../web/client.js'],
  ['server/copy/z.ts', '../async/index.js'],
  ['server/cli/x.ts', '../copy/copy-site.js'],
  ['server/cli/y.ts', '../app/app.js'],
  ['server/cli/z.ts', '../../shared/client/index.js'],
];

const RULE = 'lint/style/noRestrictedImports';
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');

let directory: string;
/** The files that the linter objects to, for their imports. */
let refused: Set<string>;

/** All snippets are linted at once, with the project's own configuration, in a folder of their own. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-rules-'));
  const { $schema: _, vcs: __, ...config } = JSON.parse(await readFile('biome.json', 'utf8'));
  await writeFile(join(directory, 'biome.json'), JSON.stringify(config));
  for (const [file, imports] of [...FORBIDDEN, ...ALLOWED]) {
    await mkdir(join(directory, dirname(file)), { recursive: true });
    await writeFile(join(directory, file), `import * as a from '${imports}';\nconsole.log(a);\n`);
  }
  const args = [
    biome,
    'lint',
    `--only=${RULE.slice('lint/'.length)}`,
    '--reporter=json',
    '--max-diagnostics=none',
    '.',
  ];
  const report = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: directory }, (_error, stdout) => resolve(stdout));
  });
  const { diagnostics } = JSON.parse(report) as {
    diagnostics: { category: string; location: { path: string } }[];
  };
  refused = new Set(
    diagnostics.filter(({ category }) => category === RULE).map(({ location }) => location.path),
  );
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the import rules', () => {
  it.each(FORBIDDEN)('keep %s from importing %s', (file) => {
    expect(refused).toContain(file);
  });

  it.each(ALLOWED)('let %s import %s', (file) => {
    expect(refused).not.toContain(file);
  });
});

describe('the table of folders in docs/architecture.md', () => {
  it('has every folder with the folders that it imports', async () => {
    expect(await documentedImports()).toEqual(await actualImports());
  });
});

/** By folder, such as `server/hub`, the names of the folders that it imports, in order of the alphabet. */
type Imports = Record<string, string[]>;

/** Rows such as ``| `server/hub/` | subscriptions | `shared`, `store` |``. */
async function documentedImports(): Promise<Imports> {
  const rows = (await readFile('docs/architecture.md', 'utf8')).matchAll(/^\| `([\w/-]+)\/` \|.*\|(.*)\|$/gm);
  const names = (cell: string) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name!).sort();
  return Object.fromEntries(Array.from(rows, ([, folder, cell]) => [folder!, names(cell!)]));
}

async function actualImports(): Promise<Imports> {
  const found: Record<string, Set<string>> = {};
  for (const root of ['shared', 'server', 'client-demo']) {
    for (const entry of await readdir(root, { recursive: true })) {
      const path = join(root, entry);
      const folder = folderOf(path);
      if (!/\.(ts|mts|js)$/.test(path) || !folder) continue;
      found[folder] ??= new Set();
      for (const [, specifier] of (await readFile(path, 'utf8')).matchAll(
        /\b(?:from|import)[\s(]*'(\.[^']*)'/g,
      )) {
        const target = folderOf(normalize(join(dirname(path), specifier!)));
        if (target && target !== folder) found[folder].add(target.replace('server/', ''));
      }
    }
  }
  return Object.fromEntries(Object.entries(found).map(([folder, names]) => [folder, [...names].sort()]));
}

/** `server/source` of `server/source/host/host.ts`; none of `server/index.ts`, which knows what it exports. */
function folderOf(path: string): string | undefined {
  const [root, name, ...rest] = path.split('/');
  return root === 'server' ? (rest.length > 0 ? `${root}/${name}` : undefined) : root;
}
