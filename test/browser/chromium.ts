import { existsSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { launchChromium } from './launch.js';

const PAGES = new URL('../../dist/client-demo/index.html', import.meta.url);

/** Console errors that a server that went away causes by its absence. */
export const SERVER_ABSENT =
  /ERR_(CONNECTION|INCOMPLETE_CHUNKED|EMPTY_RESPONSE|NETWORK)|WebSocket connection to|Failed to fetch/;

export interface OpenOptions extends BrowserContextOptions {
  /** What the browser may complain of, because the test provokes it. */
  complaints?: RegExp;
}

/** One browser for a test file. @returns a function that opens a page of its own; an error in its console fails the test. */
export function useChromium(): (url: string, options?: OpenOptions) => Promise<Page> {
  let browser: Browser;
  beforeAll(async () => {
    if (!existsSync(PAGES)) throw new Error('The pages are not built: run `npm run build` first.');
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  return async (url, { complaints: provoked, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const text = `${message.text()} ${message.location().url}`;
      if (!provoked?.test(text)) complaints.push(text);
    });
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    await page.goto(url);
    return page;
  };
}

/** How many samples the first chart holds. */
export function pointsOf(page: Page): Promise<number> {
  return page
    .locator('.chart')
    .first()
    .evaluate((chart) => Number(chart.dataset.points));
}

/** What the first chart looks like. */
export function pictureOf(page: Page): Promise<string> {
  return page
    .locator('.chart canvas')
    .first()
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

/** By how many CSS pixels the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

/** Presses Tab until the focused element's text matches, as somebody without a mouse does. */
export async function tabTo(page: Page, text: RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => document.activeElement?.textContent ?? '');
    if (text.test(focused)) return;
  }
  throw new Error(`Nothing that reads ${text} can be reached with Tab.`);
}
