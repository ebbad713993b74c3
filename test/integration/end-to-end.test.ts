import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Json } from '../../shared/json.js';
import type { ServerMessage } from '../../shared/messages.js';
import { applyPatch } from '../../shared/patch.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

const VERSIONS = 25;

interface Board {
  n: number;
  records: { id: number; seen: number }[];
  check: number;
}

/** A document whose parts must agree, so that a torn or mixed one shows. */
function boardAt(n: number): Board {
  const records = Array.from({ length: 40 }, (_, id) => ({ id, seen: n - ((n + id) % 7) }));
  return { n, records, check: records.reduce((sum, { seen }) => sum + seen, n) };
}

function expectWhole(value: Json): number {
  const { n } = value as unknown as Board;
  expect(value).toEqual(boardAt(n));
  return n;
}

/** An API whose document has changed each second time that it is asked. */
async function startApi(): Promise<string> {
  let asked = 0;
  const api = createServer((_, response) => {
    const n = Math.floor(asked++ / 2);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(boardAt(n)));
  }).listen(0, '127.0.0.1');
  await once(api, 'listening');
  onTestFinished(() => {
    api.close();
    api.closeAllConnections();
  });
  return `http://127.0.0.1:${(api.address() as AddressInfo).port}/board`;
}

/** Follows messages as a client of the protocol must, checks every value, and returns the `n`s seen. */
function follower() {
  let value: Json | undefined;
  let version = 0;
  const seen: number[] = [];
  return {
    seen,
    take(message: ServerMessage): void {
      if (message.type !== 'value' && message.type !== 'patch') return;
      if (message.type === 'patch') expect(message.from).toBe(version);
      expect(message.version).toBeGreaterThan(version);
      value = message.type === 'value' ? message.value : applyPatch(value!, message.patch);
      version = message.version;
      seen.push(expectWhole(value));
    },
  };
}

function expectInOrder(seen: number[]): void {
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
}

describe.each(POLICIES)('a document that changes, on %s', (loop) => {
  const start = async () =>
    startServer({ loop, sources: [{ topic: 'board', every: '35ms', fetch: { url: await startApi() } }] });

  it.each(['patch', 'value'] as const)('reaches a WebSocket whole and in order, in mode %s', async (mode) => {
    const server = await start();
    const { inbox, say } = await openWebSocket(server.wsUrl);
    say({ type: 'subscribe', topic: 'board', mode });
    const { seen, take } = follower();
    while (seen.length < VERSIONS) take(await inbox.next());
    expectInOrder(seen);
    const patches = inbox.all.filter((message) => message.type === 'patch').length;
    if (mode === 'patch') expect(patches).toBeGreaterThanOrEqual(VERSIONS - 1);
    else expect(patches).toBe(0);
  });

  it.each(['patch', 'value'] as const)(
    'reaches an event stream whole and in order, in mode %s',
    async (mode) => {
      const server = await start();
      const stream = await openEventStream(`${server.url}/topics/board?mode=${mode}`);
      const { seen, take } = follower();
      while (seen.length < VERSIONS) take((await stream.inbox.next()).message);
      expectInOrder(seen);
    },
  );

  it('reaches a long-poll client whole and in order, by ETag and by cursor', async () => {
    const server = await start();
    const url = `${server.url}/topics/board`;
    const byEtag: number[] = [];
    let etag = '';
    while (byEtag.length < VERSIONS) {
      const response = await fetch(url, { headers: { 'if-none-match': etag, prefer: 'wait=10' } });
      expect(response.status).toBe(200);
      byEtag.push(expectWhole((await response.json()) as Json));
      etag = response.headers.get('etag')!;
    }
    expectInOrder(byEtag);

    const { seen, take } = follower();
    let cursor = 'none:0';
    while (seen.length < VERSIONS) {
      const response = await fetch(`${url}?since=${cursor}&wait=10`);
      for (const message of (await response.json()) as ServerMessage[]) take(message);
      cursor = response.headers.get('etag')!.replaceAll('"', '');
    }
    expectInOrder(seen);
  });

  it('is fetched once an interval however many watch, and not at all when nobody does', async () => {
    let fetches = 0;
    const api = createServer((_, response) => {
      fetches += 1;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ fetches }));
    }).listen(0, '127.0.0.1');
    await once(api, 'listening');
    onTestFinished(() => {
      api.close();
      api.closeAllConnections();
    });
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
    const server = await startServer({ loop, sources: [{ topic: 'counted', every: '1h', fetch: { url } }] });
    expect(fetches).toBe(0);
    const streams = await Promise.all(
      Array.from({ length: 50 }, () => openEventStream(`${server.url}/topics/counted`)),
    );
    for (const { inbox } of streams) expect((await inbox.next()).message).toMatchObject({ version: 1 });
    await Promise.all(Array.from({ length: 50 }, () => fetch(`${server.url}/topics/counted`)));
    expect(fetches).toBe(1);
  });
});
