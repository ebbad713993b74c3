import { describe, expect, test } from 'vitest';
import { POLICIES } from '../support/policies.js';
import { until } from '../support/scripted-servers.js';
import { overflowOf, pictureOf, pointsOf, SERVER_ABSENT, tabTo, useChromium } from './chromium.js';
import { startDemoServer } from './demo-server.js';
import { hasChromium } from './launch.js';

describe.skipIf(!hasChromium).each(POLICIES)('the event-stream page, served on %s', (loop) => {
  const open = useChromium();
  const pageOf = (url: string) => `${url}/sse.html`;
  const tile = (topic: string) => `.tile[data-topic="${topic}"]`;

  test('shows every topic as a tile, and charts that move', async () => {
    const { url, headwater } = await startDemoServer(loop);
    headwater.topic('board').set([{ name: 'a', score: 1 }]);
    const page = await open(pageOf(url));
    await page
      .locator(`${tile('system/vitals')} .panel`)
      .nth(5)
      .waitFor();
    await page
      .locator(`${tile('feed')} .figures dd`)
      .first()
      .waitFor();
    await expect.poll(() => page.locator(`${tile('board')} tbody`).textContent()).toBe('a1');
    const points = await pointsOf(page);
    const picture = await pictureOf(page);
    await until(async () => expect(await pointsOf(page)).toBeGreaterThan(points + 2));
    await until(async () => expect(await pictureOf(page)).not.toBe(picture));
    await expect.poll(() => page.locator('#connection').textContent()).toBe('Live over an event stream');
    await expect
      .poll(() => page.locator(`${tile('feed')} .facts`).textContent())
      .toMatch(/^as of .+, version \d+$/);
  });

  test('shows the topics that are chosen, without a mouse', async () => {
    const { url, headwater } = await startDemoServer(loop);
    headwater.topic('board').set({ score: 3 });
    const page = await open(pageOf(url));
    await page.locator(tile('board')).waitFor();
    await tabTo(page, /^Topics on this page$/);
    await page.keyboard.press('Enter');
    for (const topic of ['feed', 'system/vitals'])
      await page.getByRole('checkbox', { name: topic }).press('Space');
    await tabTo(page, /^Show these$/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/sse\.html\?topic=board$/);
    await page.locator(`${tile('board')} dd`).waitFor();
    await expect.poll(() => page.locator('.tile').count()).toBe(1);
  });

  test('shows events as they happen', async () => {
    const { url, headwater } = await startDemoServer(loop);
    const page = await open(`${pageOf(url)}?topic=chat/lobby&topic=feed`);
    await until(async () => {
      headwater.topic('chat/lobby').append({ text: 'hello' });
      expect(await page.locator(`${tile('chat/lobby')} .events li`).count()).toBeGreaterThan(1);
    });
  });

  test('says that the server is away, and goes on when it is back', async () => {
    const server = await startDemoServer(loop);
    const page = await open(`${pageOf(server.url)}?topic=board&topic=feed`, { complaints: SERVER_ABSENT });
    await page
      .locator(`${tile('feed')} dd`)
      .first()
      .waitFor();
    await server.stop();
    await until(async () => expect(await page.locator('#connection').textContent()).toBe('Reconnecting'));
    await server.restart();
    server.headwater.topic('board').set({ life: 2 });
    await expect.poll(() => page.locator(`${tile('board')} .figures`).textContent()).toBe('life2');
    await expect.poll(() => page.locator('#connection').textContent()).toBe('Live over an event stream');
  });

  test('says why a topic is stale until it is not', async () => {
    const server = await startDemoServer(loop);
    const page = await open(pageOf(server.url));
    await page
      .locator(`${tile('feed')} dd`)
      .first()
      .waitFor();
    server.failing = 'the feed is down';
    await page.locator(`${tile('feed')}.stale .notice`, { hasText: 'Stale: ' }).waitFor();
    expect(await page.locator(`${tile('system/vitals')}.stale`).count()).toBe(0);
    server.failing = undefined;
    await page.locator(`${tile('feed')}:not(.stale)`).waitFor();
    await expect.poll(() => page.locator(`${tile('feed')} .notice`).isVisible()).toBe(false);
  });

  test('says so when there is no such topic', async () => {
    const { url } = await startDemoServer(loop);
    const page = await open(`${pageOf(url)}?topic=nope`, { complaints: /status of 404/ });
    await page.locator('#notice', { hasText: 'nope' }).waitFor();
  });

  test('fits a narrow window', async () => {
    const { url, headwater } = await startDemoServer(loop);
    headwater.topic('board').set([{ name: 'x'.repeat(80), score: 1, a: 2, b: 3 }]);
    const page = await open(pageOf(url), { viewport: { width: 360, height: 700 } });
    await page.locator('.panel').nth(5).waitFor();
    await page
      .locator(`${tile('board')} td`)
      .first()
      .waitFor();
    await expect.poll(() => overflowOf(page)).toBe(0);
  });
});
