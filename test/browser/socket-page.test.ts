import { describe, expect, test } from 'vitest';
import { cuttableProxy } from '../support/cuttable-proxy.js';
import { POLICIES } from '../support/policies.js';
import { until } from '../support/scripted-servers.js';
import { overflowOf, pictureOf, pointsOf, SERVER_ABSENT, tabTo, useChromium } from './chromium.js';
import { startDemoServer } from './demo-server.js';
import { hasChromium } from './launch.js';

describe.skipIf(!hasChromium).each(POLICIES)('the WebSocket page, served on %s', (loop) => {
  const open = useChromium();

  test('shows the vital signs as charts that move', async () => {
    const { url } = await startDemoServer(loop);
    const page = await open(url);
    await page.locator('.panel').nth(5).waitFor();
    await expect
      .poll(() => page.locator('.panel h2').allTextContents())
      .toEqual(['Processor', 'Memory', 'Load', 'Network', 'Disk', 'Event-loop delay']);
    await until(async () => expect(await pointsOf(page)).toBeGreaterThan(2));
    const points = await pointsOf(page);
    const picture = await pictureOf(page);
    await until(async () => expect(await pointsOf(page)).toBeGreaterThan(points + 2));
    await until(async () => expect(await pictureOf(page)).not.toBe(picture));
    await expect.poll(() => page.locator('#connection').textContent()).toBe('Live over WebSocket');
    await expect.poll(() => page.locator('#topic-facts').textContent()).toMatch(/^as of .+, version \d+$/);
    await expect.poll(() => page.title()).toBe('system/vitals · Headwater');
  });

  test('can be used without a mouse', async () => {
    const { url, headwater } = await startDemoServer(loop);
    headwater.topic('board').set({ score: 3 });
    const page = await open(url);
    await page.locator('.topics a').nth(2).waitFor();

    await page.keyboard.press('Tab');
    await expect.poll(() => page.locator(':focus').textContent()).toBe('Skip to the topic');
    expect(await page.locator(':focus').evaluate((link) => getComputedStyle(link).outlineStyle)).toBe(
      'solid',
    );
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator(':focus').getAttribute('id')).toBe('content');
    await expect.poll(() => page.locator('h1').textContent()).toBe('system/vitals');

    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await tabTo(page, /^Messages on the wire$/);
    await page.keyboard.press('Enter');
    await page.locator('.messages li').first().waitFor();
    await page.reload();
    await page.locator('.topics a').nth(2).waitFor();
    await tabTo(page, /^board/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'board' }).waitFor();
    await until(async () => expect(await page.locator('.figures').textContent()).toBe('score3'));
    await expect.poll(() => page.locator('.topics a[aria-current]').textContent()).toMatch(/^board/);
  });

  test('shows the messages on the wire, and holds them still on demand', async () => {
    const { url } = await startDemoServer(loop);
    const page = await open(`${url}/#feed`);
    await page.locator('#wire > summary').click();
    const lines = page.locator('.messages li');
    await until(async () => expect(await lines.count()).toBeGreaterThan(4));
    await expect
      .poll(() => page.locator('.messages li.sent').first().textContent())
      .toContain('"type":"subscribe"');

    await page.getByRole('button', { name: 'Pause' }).click();
    const total = () => page.locator('.wire-tools .count').textContent();
    const [held, before] = [await lines.count(), await total()];
    await until(async () => expect(await total()).not.toBe(before));
    expect(await lines.count()).toBe(held);
    await lines.first().locator('summary').click();
    await until(async () =>
      expect(await lines.first().locator('pre').textContent()).toMatch(/^[[{].*[\]}]$/),
    );
    await page.getByRole('button', { name: 'Pause' }).click();
    await until(async () => expect(await lines.count()).toBeGreaterThan(held));
  });

  test('resumes over a broken connection', async () => {
    const { url } = await startDemoServer(loop);
    const proxy = await cuttableProxy(url);
    const page = await open(`${proxy.url}/#feed`, { complaints: SERVER_ABSENT });
    await page.locator('.figures dd').first().waitFor();
    await page.locator('#wire > summary').click();
    proxy.cut();
    await page.locator('.messages li', { hasText: '"resumed":true' }).first().waitFor();
    await expect.poll(() => page.locator('#connection').textContent()).toBe('Live over WebSocket');
  });

  test('says that the server is away, and shows the new value when it is back', async () => {
    const server = await startDemoServer(loop);
    server.headwater.topic('board').set({ life: 1 });
    const page = await open(`${server.url}/#board`, { complaints: SERVER_ABSENT });
    await until(async () => expect(await page.locator('.figures').textContent()).toBe('life1'));
    await server.stop();
    await until(async () => expect(await page.locator('#connection').textContent()).toMatch(/^Reconnecting/));
    expect(await page.locator('.figures').textContent()).toBe('life1');
    await server.restart();
    server.headwater.topic('board').set({ life: 2 });
    await until(async () => expect(await page.locator('.figures').textContent()).toBe('life2'));
    await expect.poll(() => page.locator('#connection').textContent()).toBe('Live over WebSocket');
  });

  test('says why a topic is stale until it is not', async () => {
    const server = await startDemoServer(loop);
    const page = await open(`${server.url}/#feed`);
    await page.locator('.figures dd').first().waitFor();
    await expect.poll(() => page.locator('#topic-notice').isVisible()).toBe(false);
    server.failing = 'the feed is down';
    await page.locator('#topic-notice', { hasText: 'Stale: ' }).waitFor();
    await expect.poll(() => page.locator('body').getAttribute('class')).toContain('stale');
    server.failing = undefined;
    await page.locator('#topic-notice').waitFor({ state: 'hidden' });
    await expect.poll(() => page.locator('body').getAttribute('class')).not.toContain('stale');
  });

  test('shows events as they happen', async () => {
    const { url, headwater } = await startDemoServer(loop);
    const page = await open(`${url}/#chat/lobby`);
    await until(async () => {
      headwater.topic('chat/lobby').append({ text: 'hello' });
      expect(await page.locator('.events li').count()).toBeGreaterThan(1);
    });
    await expect.poll(() => page.locator('.events li').first().textContent()).toContain('{"text":"hello"}');
  });

  test('says so when there is no such topic', async () => {
    const { url } = await startDemoServer(loop);
    const page = await open(`${url}/#nope`);
    await page.locator('#topic-notice', { hasText: 'no topic “nope”' }).waitFor();
    await page.getByRole('textbox', { name: 'Open another' }).fill('../x');
    await page.keyboard.press('Enter');
    await page.locator('#topic-notice', { hasText: 'is no topic name' }).waitFor();
  });

  test('shows data as text, never as markup', async () => {
    const { url, headwater } = await startDemoServer(loop);
    const hostile = '<img src=x onerror="document.title=1">';
    headwater.topic('board').set({ [hostile]: hostile, rows: [{ a: hostile }, { a: 2 }], __proto__x: 1 });
    const page = await open(`${url}/#board`);
    await page.locator('.document > summary').click();
    await page.locator('.tree .scalar', { hasText: hostile }).first().waitFor();
    expect(await page.locator('main img').count()).toBe(0);
  });

  test('stays light with a huge document, and keeps what is open while it changes', async () => {
    const { url, headwater } = await startDemoServer(loop);
    const entries = Array.from(
      { length: 20_000 },
      (_, index) => [`key${index}`, { deep: { n: index } }] as const,
    );
    headwater.topic('board').set(Object.fromEntries(entries));
    const page = await open(`${url}/#board`);
    await page.locator('.tree details').nth(1).waitFor();
    expect(await page.locator('*').count()).toBeLessThan(2_500);
    await page.locator('.tree summary', { hasText: 'key3' }).first().click();
    await page.locator('.tree summary', { hasText: 'deep' }).first().click();
    const leaf = page.locator('.tree .leaf').first();
    expect(await leaf.textContent()).toBe('n3');
    headwater.topic('board').patch([{ op: 'replace', path: '/key3/deep/n', value: -1 }]);
    await until(async () => expect(await leaf.textContent()).toBe('n-1'));
  });

  test('fits a narrow window', async () => {
    const { url, headwater } = await startDemoServer(loop);
    const rows = Array.from({ length: 9 }, (_, n) => ({
      n,
      name: `row ${n}`,
      long: 'word '.repeat(9),
      other: -n,
    }));
    headwater.topic('board').set({ rows, text: 'x'.repeat(500) });
    const page = await open(url, { viewport: { width: 360, height: 700 } });
    await page.locator('.panel').nth(5).waitFor();
    await expect.poll(() => overflowOf(page)).toBe(0);
    await page.locator('#wire > summary').click();
    await page.locator('.messages li').first().waitFor();
    await expect.poll(() => overflowOf(page)).toBe(0);
    await page.locator('.topics a', { hasText: 'board' }).click();
    await page.locator('table').waitFor();
    await page.locator('.document > summary').click();
    await page.locator('.tree .leaf').first().waitFor();
    await expect.poll(() => overflowOf(page)).toBe(0);
  });

  test('follows the system between light and dark, and remembers a choice', async () => {
    const { url } = await startDemoServer(loop);
    const page = await open(url, { colorScheme: 'dark' });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    expect(light).not.toBe(dark);
    const button = page.locator('#theme');
    await button.click();
    await button.click();
    expect([await button.textContent(), await ground()]).toEqual(['Theme: dark', dark]);
    await page.reload();
    expect([await button.textContent(), await ground()]).toEqual(['Theme: dark', dark]);
  });
});
