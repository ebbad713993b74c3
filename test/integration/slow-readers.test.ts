import { describe, expect, it } from 'vitest';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { replay } from '../support/replay.js';
import { startServer, type TestServer } from '../support/server.js';

/** Large enough that a few dozen fill the kernel's buffers and then the outbox. */
const BULK = 400_000;
const COMMITS = 100;

async function metric({ url }: TestServer, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^headwater_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

describe.each(POLICIES)('a reader that stops on %s', (loop) => {
  const start = (more = {}) =>
    startServer({
      loop,
      topics: [{ topic: 'board' }, { topic: 'log', kind: 'event', history: { count: 5 } }],
      limits: { outboxBytes: 200_000 },
      ...more,
    });

  async function commitBulk({ headwater }: TestServer, readers: () => Promise<unknown>) {
    const board = headwater.topic('board');
    for (let n = 1; n <= COMMITS; n++) {
      board.set({ n, bulk: `${n}`.padEnd(BULK, 'x') });
      await readers();
    }
  }

  it('costs a bounded outbox, does not hold up others, and ends with the exact value', async () => {
    const server = await start();
    const slow = await openWebSocket(server.wsUrl);
    const good = await openWebSocket(server.wsUrl);
    for (const { say, inbox } of [slow, good]) {
      say({ type: 'subscribe', topic: 'board' });
      await inbox.nextWhere((message) => message.type === 'subscribed');
    }
    slow.socket.pause();
    await commitBulk(server, () => good.inbox.next());
    expect(replay(good.inbox.all)).toMatchObject({ version: COMMITS, value: { n: COMMITS } });
    expect(await metric(server, 'congestions_total')).toBe(1);

    slow.socket.resume();
    await slow.inbox.nextWhere((message) => 'version' in message && message.version === COMMITS);
    expect(replay(slow.inbox.all)).toEqual(replay(good.inbox.all));
    expect(slow.inbox.all.length).toBeLessThan(COMMITS / 2);
    expect(await metric(server, 'conflations_total')).toBeGreaterThan(0);
    server.headwater.topic('board').set('after');
    expect(await slow.inbox.next()).toMatchObject({ version: COMMITS + 1, value: 'after' });
  });

  it('is told of lost events by a gap, never by silence', async () => {
    const server = await start();
    const slow = await openWebSocket(server.wsUrl);
    const good = await openWebSocket(server.wsUrl);
    for (const { say, inbox } of [slow, good]) {
      say({ type: 'subscribe', topic: 'log' });
      await inbox.nextWhere((message) => message.type === 'subscribed');
    }
    slow.socket.pause();
    const log = server.headwater.topic('log');
    for (let n = 1; n <= COMMITS; n++) {
      log.append({ n, bulk: 'x'.repeat(BULK) });
      await good.inbox.next();
    }
    slow.socket.resume();
    await slow.inbox.nextWhere((message) => message.type === 'event' && message.version === COMMITS);
    let last = 0;
    let gaps = 0;
    for (const message of slow.inbox.all) {
      if (message.type === 'gap') {
        expect(message.from).toBe(last);
        last = message.version;
        gaps += 1;
      } else if (message.type === 'event') {
        expect(message.version).toBe(last + 1);
        last = message.version;
      }
    }
    expect([last, gaps]).toEqual([COMMITS, 1]);
  });

  it('gets the same on an event stream', async () => {
    const server = await start();
    const good = await openEventStream(`${server.url}/topics/board`);
    const abort = new AbortController();
    const slow = await fetch(`${server.url}/topics/board`, {
      headers: { accept: 'text/event-stream' },
      signal: abort.signal,
    });
    await commitBulk(server, () => good.inbox.next());
    expect(await metric(server, 'congestions_total')).toBe(1);
    const decoder = new TextDecoder();
    const versions: number[] = [];
    let text = '';
    for await (const chunk of slow.body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data) versions.push((JSON.parse(data) as { version: number }).version);
      }
      if (versions.at(-1) === COMMITS) break;
    }
    abort.abort();
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(versions.length);
    expect(versions.length).toBeLessThan(COMMITS / 2);
  });

  it('is dropped when it has not read for the slow time-out', async () => {
    const server = await start({ limits: { outboxBytes: 50_000, slowTimeout: '1s' } });
    const slow = await openWebSocket(server.wsUrl);
    slow.say({ type: 'subscribe', topic: 'board' });
    await slow.inbox.nextWhere((message) => message.type === 'subscribed');
    const good = await openWebSocket(server.wsUrl);
    good.say({ type: 'subscribe', topic: 'board' });
    await good.inbox.nextWhere((message) => message.type === 'subscribed');
    slow.socket.pause();
    await commitBulk(server, () => good.inbox.next());
    await expect.poll(() => metric(server, 'connections')).toBe(1);
    expect(await metric(server, 'drops_total')).toBe(1);
  });
});
