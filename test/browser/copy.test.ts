import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { copySite } from '../../server/copy/copy-site.js';
import { COPY_DEFAULTS } from '../../server/copy/options.js';
import { startSite } from '../support/site.js';
import { useChromium } from './chromium.js';

const open = useChromium();

const svg = (colour: string) => ({
  type: 'image/svg+xml',
  body: `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10" fill="${colour}"/></svg>`,
});

it('a copied site works in a browser from disk: links, styles, images and scripts, and asks no server', async () => {
  const site = await startSite({
    '/': `<!doctype html><html><head><base href="/sub/"><title>Start</title>
      <link rel="stylesheet" crossorigin integrity="sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" href="style.php?v=1&amp;x=2">
      <style>#inline { background: url('/inline?q=x') }</style></head>
      <body><img id=one src="image?n=1"><img id=two srcset="/caf%C3%A9.svg 1x"><p id=styled>Text</p><p id=inline>x</p>
      <a href="page%20two/">Two</a><script src="/script"></script></body></html>`,
    '/sub/style.php': { type: 'text/css', body: '@import "../deep/more"; #styled { color: rgb(1, 2, 3) }' },
    '/deep/more': { type: 'text/css', body: '#styled { background: url(bg) } ' },
    '/deep/bg': svg('red'),
    '/inline': svg('green'),
    '/sub/image': svg('blue'),
    '/caf%C3%A9.svg': svg('black'),
    '/script': { type: 'text/javascript', body: 'document.title = "Scripted"' },
    // The encoding is said in the header alone, which a disk does not have.
    '/sub/page%20two/': {
      type: 'text/html; charset=iso-8859-1',
      body: Buffer.from('<title>Zwölf</title><a href="../../#x">Käse</a>', 'latin1'),
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'headwater-copy-#%-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const signal = new AbortController().signal;
  const summary = await copySite(new URL(site.url), directory, { ...COPY_DEFAULTS, signal });
  expect(summary).toMatchObject({ problems: [], pages: 2, files: 9 });

  const page = await open(pathToFileURL(join(directory, summary.index)).href);
  const requested: string[] = [];
  page.on('request', (request) => requested.push(request.url()));
  const failed: string[] = [];
  page.on('requestfailed', (request) => failed.push(request.url()));
  await page.reload();
  await page.waitForLoadState('networkidle');
  await expect.poll(() => page.title()).toBe('Scripted');
  await expect
    .poll(() => page.locator('#styled').evaluate((element) => getComputedStyle(element).color))
    .toBe('rgb(1, 2, 3)');
  for (const id of ['one', 'two']) {
    await expect
      .poll(() => page.locator(`#${id}`).evaluate((image) => (image as HTMLImageElement).naturalWidth))
      .toBe(20);
  }
  // A style sheet is read before what it asks for is asked for.
  await expect.poll(() => requested.length).toBe(8);
  expect(requested.filter((url) => !url.startsWith('file:'))).toEqual([]);
  expect(failed).toEqual([]);

  await page.getByRole('link', { name: 'Two' }).click();
  await expect.poll(() => page.title()).toBe('Zwölf');
  await page.getByRole('link', { name: 'Käse' }).click();
  // The script that sets it runs after the page's own title was seen.
  await expect.poll(() => page.title()).toBe('Scripted');
  await expect.poll(() => page.url()).toMatch(/index\.html#x$/);
});
