import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressOf } from '../../server/copy/link.js';
import type { CopySummary } from '../../server/copy/options.js';
import { type Run, run } from '../support/cli.js';
import { until } from '../support/scripted-servers.js';
import { type Route, type Site, startSite, to } from '../support/site.js';

let outer: string;
let dir: string;
const running: Run[] = [];
beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), 'headwater-copy-'));
  dir = join(outer, 'site');
});
afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
  await rm(outer, { recursive: true, force: true });
});

function copy(url: string, ...flags: string[]): Run {
  const command = run(['copy', url, dir, ...flags]);
  running.push(command);
  return command;
}

async function copied(url: string, ...flags: string[]): Promise<CopySummary> {
  const command = copy(url, '--json', ...flags);
  const code = await command.ended;
  expect(`${code} ${command.stderr}`).toMatch(/^0/);
  return JSON.parse(command.stdout) as CopySummary;
}

/** All files of the copy, without what the copier keeps for itself. */
async function files(): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((name) => !name.startsWith('.headwater-copy'))
    .sort();
}

function read(name: string): Promise<string> {
  return readFile(join(dir, name), 'utf8');
}

const PNG = { type: 'image/png', body: Buffer.from('89504e470d0a1a0a00ff', 'hex') };
const SMALL_SITE: Record<string, Route> = {
  '/': '<link rel=stylesheet href=/s.css><a href="/docs/">Docs</a> <a href="docs#x">Again</a> <img src=/i.png>',
  '/docs': to('/docs/'),
  '/docs/': '<a href="../?">Home</a> <a href=list?page=1>1</a> <a href="https://example.org/a?b">Away</a>',
  '/docs/list?page=1': '<a href="list?page=2">2</a> <img src="/i.png?v=2">',
  '/docs/list?page=2': '<a href="list?page=1">1</a>',
  '/s.css': { type: 'text/css', body: '@import "deep/t.css";' },
  '/deep/t.css': { type: 'text/css', body: 'body { background: url(../i.png) }' },
  '/i.png': PNG,
};

describe('headwater copy', () => {
  it('copies pages and what they show, each once, with links that lead to the files', async () => {
    const site = await startSite(SMALL_SITE);
    const summary = await copied(`${site.url}/`);
    expect(await files()).toEqual([
      ...['deep/t.css', 'docs/index.html', 'docs/list~page=1.html', 'docs/list~page=2.html'],
      ...['i.png', 'index.html', 'i~v=2.png', 's.css'],
    ]);
    expect(await read('index.html')).toBe(
      '<link rel=stylesheet href="s.css"><a href="docs/index.html">Docs</a> <a href="docs/index.html#x">Again</a> <img src="i.png">',
    );
    expect(await read('docs/list~page=1.html')).toContain('<a href="list~page%3D2.html">2</a>');
    expect(await read('docs/index.html')).toContain('<a href="https://example.org/a?b">');
    expect(await read('deep/t.css')).toBe('body { background: url("../i.png") }');
    expect(await readFile(join(dir, 'i.png'))).toEqual(PNG.body);
    expect(site.asked.length).toBe(new Set(site.asked).size);
    expect(summary).toMatchObject({
      pages: 4,
      files: 8,
      problems: [],
      interrupted: false,
      index: 'index.html',
    });
  });

  it('brings a copy up to date with conditional requests, and writes only what is new', async () => {
    let text = 'one';
    const tagged =
      (body: () => string): Route =>
      (request, response) => {
        const etag = `"${body().length}-${body().slice(-3)}"`;
        if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
        else response.writeHead(200, { 'content-type': 'text/html', etag }).end(body());
      };
    const dated: Route = (request, response) => {
      const date = 'Sat, 01 Nov 2025 10:00:00 GMT';
      if (request.headers['if-modified-since'] === date) response.writeHead(304).end();
      else response.writeHead(200, { 'content-type': 'image/png', 'last-modified': date }).end(PNG.body);
    };
    const site = await startSite({
      '/': tagged(() => '<a href=a>a</a><a href=b>b</a><img src=i.png>'),
      '/a': tagged(() => 'same'),
      '/b': tagged(() => text),
      '/i.png': dated,
    });
    expect(await copied(`${site.url}/`)).toMatchObject({ fetched: 4, unchanged: 0 });
    text = 'two';
    const longAgo = new Date('2020-01-01');
    await utimes(join(dir, 'a.html'), longAgo, longAgo);
    site.answered.length = 0;
    expect(await copied(`${site.url}/`)).toMatchObject({ fetched: 1, unchanged: 3, bytes: 3 });
    expect(site.answered.toSorted()).toEqual([200, 304, 304, 304, 404]);
    expect(await read('b.html')).toBe('two');
    expect(await files()).toEqual(['a.html', 'b.html', 'i.png', 'index.html']);
    // A file that somebody deleted is fetched again, whatever its tag.
    await rm(join(dir, 'i.png'));
    expect(await copied(`${site.url}/`)).toMatchObject({ fetched: 1, unchanged: 3 });
    expect(await files()).toContain('i.png');
  });

  it('never leaves its folder and never leaves its host, whatever the URLs say', async () => {
    const other = await startSite({ '/x': 'elsewhere' });
    const hostile = [
      ...[
        '/..%2f..%2fescape',
        '/%2e%2e/%2e%2e/escape',
        '/..%5c..%5cescape',
        '/a/..%2f..%2f..%2fescape',
        '/%00',
        '/a%00b',
      ],
      ...[
        '/.git/config',
        '/.headwater-copy/state.json',
        '/.headwater-copy%2fstate.json',
        '/C:%5cx',
        '/~root',
        '/a//b',
        '/CON',
      ],
      ...[
        '//',
        '///etc/passwd',
        `/${'x'.repeat(3000)}`,
        `/${'d/'.repeat(500)}e`,
        '/Case',
        '/case',
        '/dir',
        '/dir/file',
        '/%E2%80%AEx',
      ],
    ];
    const site = await startSite({});
    site.routes['/'] = `${hostile.map((path) => `<a href="${site.url}${path}">x</a>`).join('')}
      <a href="${other.url}/x">x</a><a href="/off">x</a><img src="${other.url}/x"><a href="file:///etc/passwd">x</a>`;
    site.routes['/off'] = to(`${other.url}/x`);
    for (const path of hostile) {
      const { pathname } = new URL(addressOf(new URL(`${site.url}${path}`)));
      site.routes[pathname] ??= { type: 'text/plain', body: `at ${path}` };
    }
    const summary = await copied(`${site.url}/`);
    expect(await readdir(outer)).toEqual(['site']);
    expect((await readdir(dir)).filter((name) => name.startsWith('.'))).toEqual(['.headwater-copy']);
    expect(other.asked).toEqual([]);
    expect(summary.problems).toEqual([]);
    expect(summary.files).toBe(Object.keys(site.routes).length - 1);
    const kept = await files();
    expect(new Set(kept.map((name) => name.toLowerCase())).size).toBe(kept.length);
    expect(JSON.parse(await read('.headwater-copy/state.json'))).toMatchObject({ complete: true });
  });

  it('writes through no symbolic link that leads out, and over no file that is not its own', async () => {
    const site = await startSite({
      '/': '<a href=/out/x>x</a><a href=/in/x>x</a><a href=/mine>x</a><img src=/mine.png><a href=/link>x</a>',
      '/out/x': 'outside',
      '/in/x': 'inside',
      '/mine': 'overwritten',
      '/mine.png': PNG,
      '/link': 'replaced',
    });
    await mkdir(join(outer, 'elsewhere'));
    await writeFile(join(outer, 'victim'), 'untouched');
    await mkdir(join(dir, 'real'), { recursive: true });
    await symlink(join(outer, 'elsewhere'), join(dir, 'out'));
    await symlink('real', join(dir, 'in'));
    await writeFile(join(dir, 'mine.html'), 'dear to me');
    await writeFile(join(dir, 'mine.png'), 'dear to me');
    await symlink(join(outer, 'victim'), join(dir, 'link.html'));
    const { problems } = await copied(`${site.url}/`);
    expect(problems.map(({ url, reason }) => `${url.slice(site.url.length)} ${reason}`).sort()).toEqual([
      '/link has a file in its place that is not of this copy, link.html',
      '/mine has a file in its place that is not of this copy, mine.html',
      '/mine.png has a file in its place that is not of this copy, mine.png',
      '/out/x would be written through a symbolic link that leads out of the folder, out',
    ]);
    expect(await readdir(join(outer, 'elsewhere'))).toEqual([]);
    expect(await readFile(join(outer, 'victim'), 'utf8')).toBe('untouched');
    expect(await read('mine.html')).toBe('dear to me');
    expect(await read('real/x.html')).toBe('inside');
    // What is not held stays where it is on the web.
    expect(await read('index.html')).toContain(`href="${site.url}/out/x"`);
  });

  it('refuses a state file that would have it write elsewhere', async () => {
    const site = await startSite({ '/': '<a href=a>a</a>', '/a': 'text' });
    await copied(`${site.url}/`);
    const state = JSON.parse(await read('.headwater-copy/state.json'));
    state.entries[`${site.url}/a`].path = '../../escape.html';
    await writeFile(join(dir, '.headwater-copy/state.json'), JSON.stringify(state));
    const { problems } = await copied(`${site.url}/`);
    expect(problems[0]?.reason).toMatch(/has a place outside the folder/);
    expect(existsSync(join(outer, '../escape.html'))).toBe(false);
    await writeFile(join(dir, '.headwater-copy/state.json'), '{"format":');
    const command = copy(`${site.url}/`);
    expect(await command.ended).toBe(1);
    expect(command.stderr).toMatch(/state\.json" is damaged .*delete it/);
  });

  it('goes through a hostile site within its bounds and lists what failed', async () => {
    const endless: Route = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      const fill = () => {
        while (response.write('x'.repeat(64 * 1024)));
      };
      response.on('drain', fill);
      fill();
    };
    const drip: Route = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    };
    const cutting: Route = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': 100 }).write('half');
      response.socket!.destroySoon();
    };
    const site = await startSite({
      '/': `<a href=loop>l</a><a href=endless>e</a><a href=drip>d</a><a href=cut>c</a><a href=gone>g</a>
        <a href=calendar?day=0>c</a><a href=chain/0>c</a><a href=liar>x</a><img src=page-as-image><a href=bomb>b</a>`,
      '/loop': to('/loop2'),
      '/loop2': to('/loop'),
      '/endless': endless,
      '/drip': drip,
      '/cut': cutting,
      '/bomb': { headers: { 'content-encoding': 'gzip' }, body: 'no gzip' },
      '/liar': { type: 'text/html', body: Buffer.concat([PNG.body, Buffer.from([0, 0xff, 0xfe])]) },
      '/page-as-image': { type: 'text/html', body: PNG.body },
      '/calendar': (request, response) => {
        const day = Number(request.url!.split('=')[1]);
        const links = [1, 2, 3, 4, 5].map((more) => `<a href="calendar?day=${day * 5 + more}">next</a>`);
        response.writeHead(200, { 'content-type': 'text/html' }).end(links.join(''));
      },
      ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`/chain/${i}`, to(`/chain/${i + 1}`)])),
    });
    const bounds = ['--pages', '40', '--file-bytes', '200k', '--timeout', '10s'];
    const summary = await copied(`${site.url}/`, ...bounds);
    const reasons = Object.fromEntries(
      summary.problems.map(({ url, reason }) => [url.slice(site.url.length), reason]),
    );
    expect(reasons).toEqual({
      '/gone': 'answered 404',
      '/endless': 'is larger than 204800 bytes',
      '/drip': 'took longer than 10 s',
      '/cut': expect.stringMatching(/cut the connection|fewer or more bytes/),
      '/bomb': 'sent a compressed body that is damaged',
      '/chain/5': 'redirected more than 5 times',
    });
    expect(site.asked.filter((path) => path.startsWith('/calendar')).length).toBeLessThanOrEqual(40);
    expect(summary.pages).toBeGreaterThan(25);
    expect(summary.skipped.bounds).toBeGreaterThan(0);
    expect(await readFile(join(dir, 'page-as-image'))).toEqual(PNG.body);
    expect(await read('index.html')).toContain(`href="${site.url}/loop"`);
    // Nobody goes where only a page of an error led.
    expect(site.asked).not.toContain('/lost');
    expect(await readdir(join(dir, '.headwater-copy/temporary'))).toEqual([]);
  });

  it('obeys robots.txt, for pages, for what they show and for redirects', async () => {
    const site = await startSite({
      '/robots.txt': {
        type: 'text/plain',
        body: 'User-agent: headwater\nDisallow: /private\nAllow: /private/but\n',
      },
      '/': '<a href=/private/a>a</a><img src=/private/i.png><a href=/way>w</a><a href=/private/but>b</a>',
      '/way': to('/private/b'),
      '/private/but': 'allowed',
    });
    const summary = await copied(`${site.url}/`);
    expect(summary.skipped.robots).toBe(3);
    expect(site.asked.toSorted()).toEqual(['/', '/private/but', '/robots.txt', '/way']);
    expect(await read('index.html')).toContain(`href="${site.url}/private/a"`);
  });

  it.each<[why: string, robots: Route, message: RegExp]>([
    [
      'robots.txt forbids it',
      { type: 'text/plain', body: 'User-agent: *\nDisallow: /' },
      /robots\.txt of the site/,
    ],
    ['robots.txt fails (RFC 9309, section 2.3.1.4)', { status: 503 }, /answered 503 for \/robots\.txt/],
  ])('copies nothing where %s', async (_why, robots, message) => {
    const site = await startSite({ '/robots.txt': robots, '/': 'page' });
    const command = copy(`${site.url}/`);
    expect(await command.ended).toBe(1);
    expect(command.stderr).toMatch(message);
    expect(site.asked).toEqual(['/robots.txt']);
  });

  it('ends with 1 when nothing can be reached, and says why', async () => {
    const gone = copy('http://127.0.0.1:1/');
    expect(await gone.ended).toBe(1);
    expect(gone.stderr).toMatch(
      /^headwater: Nothing was copied: http:\/\/127\.0\.0\.1:1\/ refused the connection\.$/m,
    );

    const site = await startSite({ '/moved': to('http://www.example.com/') });
    const missing = copy(`${site.url}/missing`);
    expect(await missing.ended).toBe(1);
    expect(missing.stderr).toMatch(/\/missing answered 404/);

    await rm(dir, { recursive: true });
    const moved = copy(`${site.url}/moved`);
    expect(await moved.ended).toBe(1);
    expect(moved.stderr).toMatch(/leads to another host; copy http:\/\/www\.example\.com\/ instead/);
  });

  it.each<[flags: string[], pages: string[]]>([
    [['--depth', '0'], ['index.html']],
    [
      ['--depth', '1'],
      ['1.html', 'index.html'],
    ],
    [
      ['--pages', '3'],
      ['1.html', '2.html', 'index.html'],
    ],
    [
      ['--bytes', '60'],
      ['1.html', 'index.html'],
    ],
  ])('stops at %j', async (flags, pages) => {
    const page = (next: number) => `<a href=${next}>next</a>${' '.repeat(10)}`;
    const site = await startSite({ '/': page(1), '/1': page(2), '/2': page(3), '/3': page(4), '/4': 'end' });
    await copied(`${site.url}/`, ...flags);
    expect(await files()).toEqual(pages);
    // Whatever is beyond the bounds is still there, on the web.
    expect(await read(pages.at(-2) ?? 'index.html')).toMatch(`href="${site.url}/`);
  });

  it('asks at most --concurrency at a time, and waits --delay between requests', async () => {
    let most = 0;
    let began = 0;
    let last = 0;
    const site: Site = await startSite({});
    const html = { 'content-type': 'text/html' };
    const page: Route = (_request, response) => {
      last = performance.now();
      most = Math.max(most, site.open.size);
      // As many as may be are open at some time, however slowly they come.
      void until(() => expect(most).toBeGreaterThanOrEqual(3)).then(() =>
        response.writeHead(200, html).end('page'),
      );
    };
    site.routes['/'] = (_request, response) => {
      began = performance.now();
      response.writeHead(200, html).end(Array.from({ length: 12 }, (_, i) => `<a href=${i}>x</a>`).join(''));
    };
    for (let i = 0; i < 12; i++) site.routes[`/${i}`] = page;
    await copied(`${site.url}/`, '--concurrency', '3');
    expect(most).toBe(3);

    await rm(dir, { recursive: true });
    await copied(`${site.url}/`, '--delay', '40ms', '--concurrency', '12');
    // Timers may fire a little early. However late a request is seen, the last is no earlier than all delays.
    expect(last - began).toBeGreaterThan(12 * 40 * 0.9);
  });

  it('goes on where Ctrl-C stopped it: what was in flight is cut, the rest is kept and works', async () => {
    let isSlow = true;
    const site = await startSite({
      '/': '<a href=a>a</a><img src=i.png>',
      '/a': '<a href=slow>s</a>',
      '/i.png': PNG,
      '/slow': (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).write('begun');
        if (!isSlow) response.end('and done');
      },
    });
    const command = copy(`${site.url}/`);
    await until(async () => {
      expect(site.asked).toContain('/slow');
      expect(await files()).toContain('i.png');
    });
    command.process.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.stderr).toMatch(/stopping/);
    expect(command.stderr).toMatch(/Interrupted\. The same command goes on from here\./);
    expect(command.stdout).toMatch(/^Copied a part of/);
    await until(() => expect(site.cut).toEqual(['/slow']));
    expect(await files()).toEqual(['a.html', 'i.png', 'index.html']);
    expect(await read('index.html')).toContain('<a href="a.html">');
    expect(await read('a.html')).toContain(`<a href="${site.url}/slow">`);
    expect(existsSync(join(dir, '.headwater-copy/lock'))).toBe(false);

    isSlow = false;
    site.asked.length = 0;
    const again = copy(`${site.url}/`, '--json');
    expect(await again.ended).toBe(0);
    expect(again.stderr).toMatch(/going on where the last run was interrupted/);
    expect(JSON.parse(again.stdout)).toMatchObject({ fetched: 1, unchanged: 3, problems: [] });
    expect(site.asked.toSorted()).toEqual(['/robots.txt', '/slow']);
    expect(await read('a.html')).toContain('<a href="slow.html">');
  });

  it('is one at a time in a folder; the lock of one that was killed lapses', async () => {
    const site = await startSite({
      '/': (_request, response) => void response.writeHead(200).write('begun'),
    });
    const first = copy(`${site.url}/`);
    await until(() => expect(site.asked).toContain('/'));
    const second = copy(`${site.url}/`);
    expect(await second.ended).toBe(1);
    expect(second.stderr).toMatch(
      new RegExp(
        `Another copy is being made into ".*" by process ${first.process.pid} on .*, since 20.*choose another folder`,
      ),
    );
    first.process.kill('SIGKILL');
    await first.ended;
    site.routes['/'] = 'whole';
    const third = copy(`${site.url}/`);
    await third.says(new RegExp(`process ${first.process.pid}, which copied into this folder, has died`));
    expect(await third.ended).toBe(0);
    expect(await read('index.html')).toBe('whole');
  });

  it('refuses a folder that holds the copy of something else, and one that is a file', async () => {
    const site = await startSite({ '/a': 'a', '/b': 'b' });
    await copied(`${site.url}/a`);
    const other = copy(`${site.url}/b`);
    expect(await other.ended).toBe(1);
    expect(other.stderr).toMatch(/holds a copy of .*\/a; choose another folder/);
    await writeFile(join(outer, 'file'), '');
    dir = join(outer, 'file');
    const file = copy(`${site.url}/a`);
    expect(await file.ended).toBe(1);
    expect(file.stderr).toMatch(/"[^"]*\/file" cannot be written to/);
  });

  it.each([
    ['--depth', '-1'],
    ['--pages', '0'],
    ['--bytes', '1x'],
    ['--delay', '5'],
    ['--concurrency', 'many'],
  ])('refuses %s %s as wrong usage', async (flag, value) => {
    const command = run(['copy', 'http://127.0.0.1:1/', dir, `${flag}=${value}`]);
    expect(await command.ended).toBe(2);
    expect(command.stderr).toContain(`${flag} is "${value}"; it must be`);
    expect(existsSync(dir)).toBe(false);
  });

  it('sends the userinfo of the URL along and shows it nowhere', async () => {
    const site = await startSite({
      '/': (request, response) => {
        const isKnown = request.headers.authorization === `Basic ${Buffer.from('me:p%w').toString('base64')}`;
        response.writeHead(isKnown ? 200 : 401, { 'content-type': 'text/html' });
        response.end('<a href="/gone?token=abc">x</a>');
      },
    });
    const command = copy(`${site.url.replace('://', '://me:p%25w@')}/`);
    expect(await command.ended).toBe(0);
    expect(`${command.stdout}${command.stderr}`).not.toMatch(/me:|p%|abc/);
    expect(command.stdout).toContain('/gone?token=(secret) answered 404');
    expect(await read('.headwater-copy/state.json')).not.toContain('me:');
  });

  it('shows a bar in a terminal and takes it away at the end', async () => {
    const site = await startSite(SMALL_SITE);
    const command = run(['copy', `${site.url}/`, dir, '--delay', '50ms'], {
      under: (words) => ['script', '-qefc', words.join(' '), '/dev/null'],
    });
    running.push(command);
    expect(await command.ended).toBe(0);
    expect(command.stdout).toMatch(/\r█*░+ {2}\d+\/\d+ {2}[\d.]+ k?B {2}[\d.]+ k?B\/s/);
    expect(command.stdout.split('\r\x1b[K').at(-1)).toMatch(/^Copied/);
  });
});
