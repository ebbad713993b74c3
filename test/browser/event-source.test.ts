import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../shared/json.js';
import type { ServerMessage } from '../../shared/messages.js';
import { AWKWARD_TEXTS } from '../support/awkward-texts.js';
import { cuttableProxy } from '../support/cuttable-proxy.js';
import { POLICIES } from '../support/policies.js';
import { replay } from '../support/replay.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';
import { SERVER_ABSENT, useChromium } from './chromium.js';
import { hasChromium } from './launch.js';

/** What the page's EventSource told. Times are of the page's clock, in ms. */
interface Heard {
  messages: { data: string; lastEventId: string; type: string }[];
  opened: number[];
  failed: number[];
}

declare global {
  interface Window {
    heard: Heard;
  }
}

/** Opens an EventSource in the page. */
async function listen(page: Page, path: string): Promise<void> {
  await page.evaluate((url) => {
    const heard: Heard = { messages: [], opened: [], failed: [] };
    window.heard = heard;
    const source = new EventSource(url);
    source.onopen = () => heard.opened.push(performance.now());
    source.onerror = () => heard.failed.push(performance.now());
    source.onmessage = ({ data, lastEventId, type }) => heard.messages.push({ data, lastEventId, type });
  }, path);
  await until(async () => expect((await heardBy(page)).opened).toHaveLength(1));
}

function heardBy(page: Page): Promise<Heard> {
  return page.evaluate(() => window.heard);
}

/** The first messages, as soon as there are so many. */
async function messagesOf(page: Page, count: number): Promise<ServerMessage[]> {
  await until(async () =>
    expect(await page.evaluate(() => window.heard.messages.length)).toBeGreaterThanOrEqual(count),
  );
  return (await heardBy(page)).messages.map(({ data }) => JSON.parse(data) as ServerMessage);
}

/** Of the server's own origin, and with no stream of its own. */
const QUIET_PAGE = '/healthz';
/** Of a document without an icon. */
const COMPLAINTS = new RegExp(`favicon\\.ico|${SERVER_ABSENT.source}`);

const TOPICS = [{ topic: 'board' }, { topic: 'other' }, { topic: 'log/{name}', kind: 'event' as const }];

describe.skipIf(!hasChromium).each(POLICIES)("Chromium's EventSource, served on %s", (loop) => {
  const open = useChromium();
  const start = () => startServer({ loop, topics: TOPICS });

  test('gets every value as it was, whatever is in its strings', async () => {
    const { url, headwater } = await start();
    const page = await open(`${url}${QUIET_PAGE}`, { complaints: COMPLAINTS });
    await listen(page, '/topics/log/a');
    const events: Json[] = [
      ...AWKWARD_TEXTS,
      Object.fromEntries(AWKWARD_TEXTS.map((text, index) => [text, index])),
      [[], {}, null, true, 0, -1.5e300],
    ];
    for (const event of events) headwater.topic('log/a', 'event').append(event);
    const messages = await messagesOf(page, events.length);
    expect(messages).toEqual(
      events.map((event, index) => ({ type: 'event', topic: 'log/a', version: index + 1, event })),
    );
    expect(new Set((await heardBy(page)).messages.map(({ type }) => type))).toEqual(new Set(['message']));
  });

  test('gets a value of 2 MB, and the next one after it', async () => {
    const { url, headwater } = await start();
    const text = `${'a wave \u{1f30a}\n'.repeat(150_000)}the end`;
    headwater.topic('board').set({ text, n: 1 });
    const page = await open(`${url}${QUIET_PAGE}`, { complaints: COMPLAINTS });
    await listen(page, '/topics/board?mode=patch');
    expect(await messagesOf(page, 1)).toMatchObject([{ type: 'value', value: { text, n: 1 } }]);
    headwater.topic('board').set({ text, n: 2 });
    const messages = await messagesOf(page, 2);
    expect(messages[1]!.type).toBe('patch');
    expect(replay(messages)).toMatchObject({ version: 2, value: { text, n: 2 } });
  });

  test('moves its last event id by blocks of an id alone, which fire nothing', async () => {
    const { url, headwater } = await start();
    const page = await open(`${url}${QUIET_PAGE}`, { complaints: COMPLAINTS });
    await listen(page, '/sse?topic=board&topic=other');
    headwater.topic('board').set(1);
    await messagesOf(page, 1);
    headwater.topic('other').set(1);
    await messagesOf(page, 2);
    headwater.topic('board').set(2);
    await messagesOf(page, 3);
    const { messages } = await heardBy(page);
    expect(messages.map(({ data }) => (JSON.parse(data) as { version: number }).version)).toEqual([1, 1, 2]);
    // Each message carries the id that the block after the one before it set.
    const positions = messages.map(({ lastEventId }) => lastEventId.replace(/\w+:/g, ''));
    expect(positions).toEqual(['0,0', '1,0', '1,1']);
  });

  test.each([
    ['one topic', '/topics/log/a', /^\w+:2$/],
    ['several topics', '/sse?topic=log/a&topic=board', /^\w+:2,\w+:1$/],
  ])(
    'comes back by itself to a stream of %s, when it was told to, and misses nothing',
    async (_, path, id) => {
      const { url, headwater } = await start();
      let asked = '';
      let answered = '';
      const proxy = await cuttableProxy(url, {
        fromClient: (bytes) => (asked += bytes.toString('latin1')),
        fromServer: (bytes) => (answered += bytes.toString('latin1')),
      });
      const page = await open(`${proxy.url}${QUIET_PAGE}`, { complaints: COMPLAINTS });
      const log = headwater.topic('log/a', 'event');
      headwater.topic('board').set({ held: true });
      asked = '';
      answered = '';
      await listen(page, path);
      log.append('one');
      log.append('two');
      const before = (await messagesOf(page, path.includes('board') ? 3 : 2)).length;
      // The id of several topics follows the events in a block of its own.
      if (path.includes('board')) await until(() => expect(answered).toMatch(/id: \w+:2,\w+:1\n\n/));
      const retry = Number(/retry: (\d+)\n/.exec(answered)![1]);
      asked = '';
      proxy.cut();
      await until(async () => expect((await heardBy(page)).failed).toHaveLength(1));
      log.append('three');
      const messages = await messagesOf(page, before + 1);
      log.append('four');
      await messagesOf(page, before + 2);

      expect(/last-event-id: ([^\r]+)\r\n/i.exec(asked)?.[1]).toMatch(id);
      const events = (await messagesOf(page, before + 2)).filter(({ type }) => type === 'event');
      expect(events.map((message) => (message as { event: Json }).event)).toEqual([
        'one',
        'two',
        'three',
        'four',
      ]);
      expect(messages.filter(({ type }) => type === 'value')).toHaveLength(path.includes('board') ? 1 : 0);
      const { opened, failed } = await heardBy(page);
      expect(opened[1]! - failed[0]!).toBeGreaterThanOrEqual(retry);
    },
  );
});
