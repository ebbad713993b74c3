import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { reachableBytes } from '../../loadtest/stress/leaks.js';
import type { Headwater } from '../../server/app/app.js';
import type { Json } from '../../shared/json.js';
import { openEventStream } from '../support/clients.js';
import { startServer } from '../support/server.js';

describe('a topic in the hands of the program', () => {
  it.each([
    ['a bigint', { a: 1n }, 'a bigint at /a'],
    ['a Date', [new Date(0)], 'a Date at /0'],
    ['NaN', { a: { b: Number.NaN } }, 'NaN at /a/b'],
    ['undefined', undefined, 'undefined'],
    ['a Map', new Map(), 'a Map'],
  ])('refuses %s at the call, with its place, and harms nobody', async (_, value, what) => {
    const { headwater, url } = await startServer({ topics: [{ topic: 'log', kind: 'event' }] });
    const board = headwater.topic('board');
    board.set({ a: 1 });
    const refusal = expect.objectContaining({ code: 'bad_request', message: expect.stringContaining(what) });
    expect(() => board.set(value as unknown as Json)).toThrow(refusal);
    expect(() => headwater.topic('log').append(value as unknown as Json)).toThrow(refusal);
    expect(await (await fetch(`${url}/topics/board`)).json()).toEqual({ a: 1 });
  });

  it('takes a copy, so that the program may go on working with its value', async () => {
    const { headwater, url } = await startServer({});
    const board = headwater.topic('board');
    const reader = await openEventStream(`${url}/topics/board`);
    const mine = { n: 1 };
    board.set(mine);
    mine.n = 2;
    expect((await reader.inbox.next()).message).toMatchObject({ version: 1, value: { n: 1 } });
    board.set(mine);
    expect((await reader.inbox.next()).message).toMatchObject({ version: 2, value: { n: 2 } });
  });

  it('tells its subscribers in this process, and goes on when one of them throws', async () => {
    const { headwater } = await startServer({ topics: [{ topic: 'log', kind: 'event' }] });
    const board = headwater.topic('board');
    const seen: unknown[] = [];
    board.set(1);
    await expect.poll(() => board.version).toBe(1);
    board.subscribe(() => {
      throw new Error('a defect of the program');
    });
    const stop = board.subscribe(({ value, version, stale }) => seen.push({ value, version, stale }));
    board.set(2);
    await expect.poll(() => board.version).toBe(2);
    stop();
    board.set(3);
    await expect.poll(() => board.version).toBe(3);
    expect(seen).toEqual([
      { value: 1, version: 1, stale: undefined },
      { value: 2, version: 2, stale: undefined },
    ]);
    const log = headwater.topic('log');
    const events: Json[] = [];
    log.subscribe((update) => events.push(...update.events));
    log.append('a');
    log.append('b');
    await expect.poll(() => events).toEqual(['a', 'b']);
  });

  it('keeps a topic of a pattern that it holds, however many look and leave', async () => {
    const { headwater, url } = await startServer({ topics: [{ topic: 'room/{name}' }] });
    const room = headwater.topic('room/a');
    expect((await fetch(`${url}/topics/room/a`)).status).toBe(404);
    room.set('still mine');
    expect(await (await fetch(`${url}/topics/room/a`)).json()).toBe('still mine');
  });
});

describe('a server that is mounted on the application’s own', () => {
  it('gives it back when it is closed, and is mounted nowhere after that', async () => {
    const { headwater } = await startServer({});
    const { server, url } = await application();
    const mounted = headwater.mount(server, { prefix: '/live' });
    expect(mounted.port).toBe((server.address() as AddressInfo).port);
    expect((await fetch(`${url}/live/healthz`)).status).toBe(200);
    const closing = headwater.close();
    const refusal = expect.objectContaining({ code: 'closed', message: expect.stringContaining('"/late"') });
    expect(() => headwater.mount(server, { prefix: '/late' })).toThrow(refusal);
    await closing;
    expect(() => headwater.mount(server, { prefix: '/late' })).toThrow(refusal);
    for (const path of ['/live/healthz', '/late/healthz']) {
      expect(await (await fetch(url + path)).text()).toBe('the application');
    }
    expect(server.listenerCount('upgrade')).toBe(0);
  });

  it('keeps nothing of an application that took it off', async () => {
    const { headwater } = await startServer({});
    const server = await mountedAndTakenOff(headwater);
    await expect.poll(async () => (await reachableBytes()) > 0 && server.deref()).toBeUndefined();
  });
});

async function application(): Promise<{ server: Server; url: string }> {
  const server = createServer((_request, response) => response.end('the application'));
  onTestFinished(() => void server.close().closeAllConnections());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Of its own, so that no variable of the test holds the application's server, which never listened. */
async function mountedAndTakenOff(headwater: Headwater): Promise<WeakRef<Server>> {
  const server = createServer();
  await headwater.mount(server).close();
  return new WeakRef(server);
}
