import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../server/config/schema.js';
import { LIMITS, type LimitName } from '../../server/edge/limit-hits.js';
import { openEventStream, openWebSocket, type WebSocketClient } from '../support/clients.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { AUTHORIZED, startServer, type TestServer, TOKEN } from '../support/server.js';

/** What a client was told: over HTTP a problem document with its status, on a WebSocket an error message. */
interface Told {
  code: string;
  status?: number;
  message: string;
  retryAfter?: string | null;
}

async function answerOf(response: Response): Promise<Told> {
  const { code, detail } = (await response.json()) as { code: string; detail: string };
  return { code, status: response.status, message: detail, retryAfter: response.headers.get('retry-after') };
}

async function read(server: TestServer, path: string, headers: Record<string, string> = {}): Promise<Told> {
  return answerOf(await fetch(server.url + path, { headers }));
}

async function stream(server: TestServer, path: string): Promise<Told> {
  return read(server, path, { accept: 'text/event-stream' });
}

async function write(server: TestServer, method: string, type: string, body: string): Promise<Response> {
  return fetch(`${server.url}/topics/${method === 'POST' ? 'log/a' : 'board'}`, {
    method,
    headers: { ...AUTHORIZED, 'content-type': type },
    body,
  });
}

async function errorOf({ inbox }: WebSocketClient): Promise<Told> {
  const message = await inbox.nextWhere(({ type }) => type === 'error');
  return message as unknown as Told;
}

const SURPLUS = 50;
const SLACK = 10;

interface Case {
  limit: LimitName;
  config: ConfigInput;
  /** Runs into it. */
  meet(server: TestServer): Promise<Told[]>;
  told: { code: string; status?: number };
  /** Whether the client is told when to come back. */
  passes?: boolean;
}

const CASES: readonly Case[] = [
  {
    limit: 'connections',
    config: { limits: { connections: 1 }, tcp: { echo: { port: 0 } } },
    async meet(server) {
      // Echo has as many of its own, and no words for who comes after.
      const { host, port } = server.headwater.listeners.find(({ name }) => name === 'echo')!;
      const echo = async () => {
        const socket = connect(port, host).on('error', () => {});
        onTestFinished(() => void socket.destroy());
        socket.write('a');
        const echoed = await new Promise<boolean>((resolve) => {
          socket.once('data', () => resolve(true)).once('close', () => resolve(false));
        });
        return { socket, echoed };
      };
      const { socket, echoed } = await echo();
      expect([echoed, (await echo()).echoed]).toEqual([true, false]);
      expect(await metric(server, 'limit_hits_total{limit="connections"}')).toBe(1);
      socket.destroy();
      await expect.poll(async () => (await echo()).echoed).toBe(true);
      await openWebSocket(server.wsUrl);
      await expect(openWebSocket(server.wsUrl)).rejects.toThrow('429');
      return [await stream(server, '/topics/board'), await read(server, '/topics/log/a?since=x:0&wait=9')];
    },
    told: { code: 'limit', status: 429 },
    passes: true,
  },
  {
    limit: 'connectionsPerAddress',
    config: { limits: { connectionsPerAddress: 2 } },
    async meet(server) {
      await openWebSocket(server.wsUrl);
      await openEventStream(`${server.url}/topics/board`);
      await expect(openWebSocket(server.wsUrl)).rejects.toThrow('429');
      return [await stream(server, '/topics/board')];
    },
    told: { code: 'limit', status: 429 },
    passes: true,
  },
  {
    limit: 'acceptPerSecond',
    config: { limits: { acceptPerSecond: 1 } },
    async meet(server) {
      const attempts = Array.from({ length: 12 }, () =>
        fetch(`${server.url}/topics/board`, { headers: { accept: 'text/event-stream' } }),
      );
      const refused = await Promise.race(
        attempts.map(async (attempt) => {
          const response = await attempt;
          return response.ok ? new Promise<never>(() => {}) : answerOf(response);
        }),
      );
      return [refused];
    },
    told: { code: 'limit', status: 429 },
    passes: true,
  },
  {
    limit: 'sockets',
    config: { limits: { connections: 1 } },
    async meet(server) {
      // A WebSocket that has gone counts no more.
      for (let n = 0; n < 2 * SLACK; n++) {
        const { socket, closed } = await openWebSocket(server.wsUrl);
        socket.close();
        await closed;
        await expect.poll(() => metric(server, 'connections'), { interval: 1 }).toBe(0);
      }
      const { hostname, port } = new URL(server.url);
      let cut = 0;
      let stood = 0;
      const sockets: Socket[] = [];
      for (let n = 0; n < 1_001 + SURPLUS; n++) {
        const socket = connect(Number(port), hostname).on('error', () => {});
        socket.on('close', () => {
          stood = Math.max(stood, sockets.length - cut - 1);
          cut += 1;
        });
        sockets.push(socket);
        // One by one: the queue of those that wait to be accepted is short, and what overflows it comes seconds later.
        await once(socket, 'connect');
      }
      // One that has not asked anything cannot be told anything.
      await expect.poll(() => cut).toBeGreaterThanOrEqual(SURPLUS);
      // Those that ask for metrics here count too, and one whose end has not been heard of yet does not.
      expect(Math.abs(stood - 1_001)).toBeLessThanOrEqual(SLACK);
      for (const socket of sockets) socket.destroy();
      return [];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'subscriptionsPerConnection',
    config: { limits: { subscriptionsPerConnection: 1 } },
    async meet(server) {
      const client = await openWebSocket(server.wsUrl);
      for (const topic of ['board', 'log/a']) client.say({ type: 'subscribe', topic });
      const { status: _, ...overHttp } = await stream(server, '/sse?topic=board&topic=log/a');
      return [await errorOf(client), overHttp];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'messagesPerSecond',
    config: { limits: { messagesPerSecond: 3 } },
    async meet(server) {
      const client = await openWebSocket(server.wsUrl);
      for (let n = 0; n < 100; n++) client.say({ type: 'ping' });
      return [await errorOf(client)];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'messageBytes',
    config: { limits: { messageBytes: 1_000 } },
    async meet(server) {
      const client = await openWebSocket(server.wsUrl);
      client.say({ type: 'ping', id: 'x'.repeat(2_000) });
      return [await errorOf(client)];
    },
    told: { code: 'too_large' },
  },
  {
    limit: 'publishesPerSecond',
    config: { limits: { publishesPerSecond: 3 } },
    async meet(server) {
      const put = await write(server, 'PUT', 'application/json', '1');
      const post = await write(server, 'POST', 'application/json', '1');
      const patch = await write(server, 'PATCH', 'application/merge-patch+json', '{}');
      expect([put.status, post.status, patch.status]).toEqual([200, 200, 200]);
      // The same token on another transport: it is the same publisher.
      const client = await openWebSocket(server.wsUrl);
      client.say({ type: 'auth', token: TOKEN });
      client.say({ type: 'publish', topic: 'board', value: 2 });
      const overWebSocket = await errorOf(client);
      const { status, retryAfter, ...overHttp } = await answerOf(
        await write(server, 'PUT', 'application/json', '3'),
      );
      expect([status, retryAfter]).toEqual([429, expect.stringMatching(/^[1-5]$/)]);
      return [overWebSocket, overHttp];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'topics',
    config: { limits: { topics: 2 } },
    async meet(server) {
      const client = await openWebSocket(server.wsUrl);
      for (const topic of ['board', 'log/a', 'log/b']) client.say({ type: 'subscribe', topic });
      return [await errorOf(client)];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'urlBytes',
    config: { limits: { urlBytes: 500 } },
    async meet(server) {
      await expect(openWebSocket(`${server.wsUrl}?${'x'.repeat(500)}`)).rejects.toThrow('414');
      return [
        await read(server, `/topics/${'x'.repeat(500)}`),
        await stream(server, `/sse?topic=${'x'.repeat(500)}`),
      ];
    },
    told: { code: 'too_large', status: 414 },
  },
  {
    limit: 'headerBytes',
    config: { limits: { headerBytes: 2_000 } },
    async meet(server) {
      const headers = { 'x-large': 'x'.repeat(2_000) };
      await expect(openWebSocket(server.wsUrl, { headers })).rejects.toThrow('431');
      return [await read(server, '/topics/board', headers)];
    },
    told: { code: 'too_large', status: 431 },
  },
  {
    limit: 'outboxBytes',
    config: { limits: { outboxBytes: 1_000, messagesPerSecond: 0 } },
    async meet(server) {
      const client = await openWebSocket(server.wsUrl);
      client.say({ type: 'subscribe', topic: 'board', mode: 'value' });
      await client.inbox.nextWhere(({ type }) => type === 'subscribed');
      client.socket.pause();
      // What the kernel's buffers take differs by machine: until the outbox is full.
      await expect
        .poll(async () => {
          server.headwater.topic('board').set(`${Math.random()}`.padEnd(1_000_000));
          return metric(server, 'congestions_total');
        })
        .toBeGreaterThan(0);
      for (let n = 0; n < 100; n++) client.say({ type: 'ping', id: n });
      await expect.poll(() => metric(server, 'limit_hits_total{limit="outboxBytes"}')).toBeGreaterThan(0);
      client.socket.resume();
      const { code, reason } = await client.closed;
      expect(code).toBe(1008);
      return [{ code: 'limit', message: reason }];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'slowTimeout',
    config: { limits: { outboxBytes: 1_000, slowTimeout: '1s' } },
    async meet(server) {
      const client = await openWebSocket(server.wsUrl);
      client.say({ type: 'subscribe', topic: 'board', mode: 'value' });
      await client.inbox.nextWhere(({ type }) => type === 'subscribed');
      client.socket.pause();
      await expect
        .poll(async () => {
          server.headwater.topic('board').set(`${Math.random()}`.padEnd(1_000_000));
          return metric(server, 'connections');
        })
        .toBe(0);
      // A reader that takes nothing cannot be told anything.
      return [];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'max',
    config: { sources: [{ topic: 'square/{n}', every: '1h', max: 1, fetch: async () => 1 }] },
    async meet(server) {
      const client = await openWebSocket(server.wsUrl);
      for (const n of [1, 2]) client.say({ type: 'subscribe', topic: `square/${n}` });
      return [await errorOf(client)];
    },
    told: { code: 'limit' },
  },
  {
    limit: 'races',
    config: {
      sources: [{ topic: 'raced', every: '1h', fetch: { url: 'http://127.0.0.1:1/' } }],
    },
    async meet(server) {
      for (let n = 0; n < 1_000; n++) {
        const told = await read(server, '/race/raced');
        if (told.status === 429) return [told];
      }
      return [];
    },
    told: { code: 'limit', status: 429 },
    passes: true,
  },
  {
    limit: 'body',
    config: {},
    async meet(server) {
      const body = JSON.stringify('x'.repeat(1024 * 1024));
      return [await answerOf(await write(server, 'PUT', 'application/json', body))];
    },
    told: { code: 'too_large', status: 413 },
  },
];

/** Limits that no setting moves, or whose clients cannot be told. */
const NO_SETTING: ReadonlySet<LimitName> = new Set<LimitName>(['max', 'races', 'body', 'outboxBytes']);

describe('the limits', () => {
  it('are all in the table below', () => {
    // How slowly a body may come takes ten seconds to show: see test/fault/slow-requests.test.ts.
    expect([...CASES.map(({ limit }) => limit), 'bodyPace']).toEqual(LIMITS);
  });
});

describe.each(POLICIES)('a client on %s', (loop) => {
  it.each(CASES)('that runs into $limit is told so, and it is counted', async (each) => {
    const { limit, config, told, meet, passes = false } = each;
    const topics = [{ topic: 'board' }, { topic: 'log/{name}', kind: 'event' as const }];
    const server = await startServer({ loop, topics, ...config });
    expect(await metric(server, `limit_hits_total{limit="${limit}"}`)).toBe(0);
    const answers = await meet(server);
    for (const answer of answers) {
      expect(answer).toMatchObject(told);
      if (!NO_SETTING.has(limit)) expect(answer.message).toContain(`limits.${limit}`);
      if (answer.status !== undefined) {
        expect(answer.retryAfter).toEqual(passes ? expect.stringMatching(/^[1-5]$/) : null);
      }
    }
    expect(await metric(server, `limit_hits_total{limit="${limit}"}`)).toBeGreaterThanOrEqual(
      Math.max(1, answers.length),
    );
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});
