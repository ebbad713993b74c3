import { connect } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { AUTHORIZED, startServer, type TestServer } from '../support/server.js';

/** Sends raw bytes to an HTTP port and resolves with what comes back until the server closes or `limit` ms pass. */
function raw({ url }: TestServer, bytes: string | Uint8Array, limit = 1_000): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(limit, () => socket.destroy());
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

describe.each(POLICIES)('a hostile client on %s', (loop) => {
  const topics = [{ topic: 'board' }, { topic: 'scratch' }, { topic: 'log/{name}', kind: 'event' as const }];

  /** Starts a server with a witness, and afterwards shows that the witness lost nothing. */
  async function withWitness(attack: (server: TestServer) => Promise<void>, more = {}): Promise<void> {
    const server = await startServer({ loop, topics, ...more });
    const board = server.headwater.topic('board');
    board.set('before');
    const witness = await openWebSocket(server.wsUrl);
    const stream = await openEventStream(`${server.url}/topics/board`);
    witness.say({ type: 'subscribe', topic: 'board' });
    await witness.inbox.nextWhere((message) => message.type === 'value');
    await stream.inbox.next();
    await attack(server);
    board.set('after');
    expect(await witness.inbox.next()).toMatchObject({ value: 'after', version: 2 });
    expect((await stream.inbox.next()).message).toMatchObject({ value: 'after', version: 2 });
    expect(await (await fetch(`${server.url}/topics/board`)).json()).toBe('after');
  }

  it.each([
    ['no JSON', 'hello'],
    ['an empty frame', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['an unknown type', '{"type":"frob","id":1}'],
    ['a missing topic', '{"type":"subscribe","id":1}'],
    ['a topic that is no string', '{"type":"subscribe","id":1,"topic":{}}'],
    ['an unknown mode', '{"type":"subscribe","id":1,"topic":"board","mode":"all"}'],
    ['a cursor that is none', '{"type":"subscribe","id":1,"topic":"board","since":{"epoch":1,"version":-1}}'],
    ['a publish of nothing', '{"type":"publish","id":1,"topic":"board"}'],
    ['a publish of two things', '{"type":"publish","id":1,"topic":"board","value":1,"event":2}'],
    ['deep nesting', `{"type":"ping","id":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
  ])('is answered an error for %s, and stays connected', async (_, text) => {
    await withWitness(async (server) => {
      const { socket, inbox, say } = await openWebSocket(server.wsUrl);
      await inbox.next();
      socket.send(text);
      const id = text.includes('"id":1') ? { id: 1 } : {};
      expect(await inbox.next()).toMatchObject({ type: 'error', code: 'bad_request', ...id });
      say({ type: 'ping', id: 'still here' });
      expect(await inbox.next()).toEqual({ type: 'pong', id: 'still here' });
    });
  });

  it.each([
    ['text that is no JSON', (n: number) => `no ${n}`, 'bad_request', 1003, 'bad_request'],
    ['binary frames', () => new Uint8Array([1, 2, 3]), 'bad_request', 1003, 'bad_request'],
    [
      'messages over the limit',
      () => JSON.stringify({ type: 'ping', id: 'x'.repeat(70_000) }),
      'too_large',
      1009,
      'messageBytes',
    ],
    ['wrong tokens', () => '{"type":"auth","token":"guess"}', 'unauthorized', 1008, 'unauthorized'],
  ] as const)(
    'that repeats %s is told each time, then closed with the reason, good messages between or not',
    async (_, frame, code, closeCode, reason) => {
      await withWitness(async (server) => {
        const { socket, inbox, closed } = await openWebSocket(server.wsUrl);
        await inbox.next();
        for (let n = 0; n < 20; n++) {
          socket.send(frame(n));
          socket.send('{"type":"ping"}');
        }
        expect(await closed).toMatchObject({ code: closeCode, reason });
        const errors = inbox.all.filter((message) => message.type === 'error');
        expect(errors.length).toBeGreaterThanOrEqual(5);
        expect(errors.every((error) => error.code === code)).toBe(true);
      });
    },
  );

  it('that sends too often is told so, then closed with 1008', async () => {
    await withWitness(
      async (server) => {
        const { inbox, say, closed } = await openWebSocket(server.wsUrl);
        for (let n = 0; n < 1_000; n++) say({ type: 'ping', id: n });
        expect((await closed).code).toBe(1008);
        expect(inbox.all.filter((message) => message.type === 'pong').length).toBeGreaterThanOrEqual(20);
        expect(inbox.all.at(-1)).toMatchObject({ type: 'error', code: 'limit' });
      },
      { limits: { messagesPerSecond: 20 } },
    );
  });

  it('that sends one enormous message is closed with 1009 at once', async () => {
    await withWitness(async (server) => {
      const { socket, closed } = await openWebSocket(server.wsUrl);
      socket.send('x'.repeat(4 * 1024 * 1024));
      expect([1006, 1009]).toContain((await closed).code);
    });
  });

  it('cannot hold more subscriptions, connections or topics than allowed', async () => {
    await withWitness(
      async (server) => {
        const { inbox, say } = await openWebSocket(server.wsUrl);
        for (let n = 0; n < 4; n++) say({ type: 'subscribe', id: n, topic: `log/${n}` });
        expect(await inbox.nextWhere((message) => message.type === 'error')).toMatchObject({
          id: 3,
          code: 'limit',
        });
        await expect(openWebSocket(server.wsUrl)).rejects.toThrow('429');
        const stream = await fetch(`${server.url}/topics/board`, {
          headers: { accept: 'text/event-stream' },
        });
        expect([stream.status, (await stream.json()).code]).toEqual([429, 'limit']);
        const fifth = await fetch(`${server.url}/topics/log/new`);
        expect([fifth.status, (await fifth.json()).code]).toEqual([429, 'limit']);
      },
      { limits: { subscriptionsPerConnection: 3, connections: 3, topics: 5 } },
    );
  });

  it('cannot fill the server with topics by looking at them', async () => {
    await withWitness(
      async (server) => {
        for (let n = 0; n < 20; n++) {
          await fetch(`${server.url}/topics/log/${n}`);
          await fetch(`${server.url}/topics/log/${n}?since=x:1`);
          await fetch(`${server.url}/race/log/${n}`);
          // One with the right to publish may make topics, but not by asking for a fetch of what no source serves.
          await fetch(`${server.url}/refresh/log/${n}`, { method: 'POST', headers: AUTHORIZED });
          const { say, inbox, socket, closed } = await openWebSocket(server.wsUrl);
          say({ type: 'subscribe', topic: `log/${n}` });
          await inbox.nextWhere((message) => message.type === 'subscribed');
          socket.close();
          await closed;
        }
        await expect
          .poll(async () => ((await (await fetch(`${server.url}/topics`)).json()) as unknown[]).length)
          .toBe(2);
      },
      { limits: { topics: 4 } },
    );
  });

  it('cannot grow a value without bound by patches that copy', async () => {
    await withWitness(async (server) => {
      const patch = (operation: unknown) =>
        fetch(`${server.url}/topics/scratch`, {
          method: 'PATCH',
          headers: { ...AUTHORIZED, 'content-type': 'application/json-patch+json' },
          body: JSON.stringify([operation]),
        });
      const scratch = server.headwater.topic('scratch');
      scratch.set({ text: 'x'.repeat(500_000) });
      let status = 200;
      for (let n = 0; n < 10 && status === 200; n++) {
        status = (await patch({ op: 'copy', from: '', path: `/again${n}` })).status;
      }
      expect(status).toBe(413);
      expect(JSON.stringify(scratch.value).length).toBeLessThan(17 * 1024 * 1024);
    });
  });

  it('cannot break a WebSocket with frames of any content', async () => {
    await withWitness(async (server) => {
      const scraps = fc.oneof(
        fc.string({ maxLength: 50 }),
        fc.json({ maxDepth: 3 }),
        fc.uint8Array({ maxLength: 50 }),
        fc
          .record(
            {
              type: fc.constantFrom(
                'subscribe',
                'unsubscribe',
                'publish',
                'auth',
                'ping',
                'hello',
                '__proto__',
              ),
              topic: fc.oneof(fc.constantFrom('board', 'log/a', '__proto__', '../x', ''), fc.string()),
              id: fc.jsonValue(),
              since: fc.jsonValue(),
              value: fc.jsonValue(),
            },
            { requiredKeys: [] },
          )
          .map((message) => JSON.stringify(message)),
      );
      for (const frames of fc.sample(fc.array(scraps, { minLength: 1, maxLength: 30 }), {
        numRuns: 40,
        seed: 7,
      })) {
        const { socket, closed } = await openWebSocket(server.wsUrl);
        for (const frame of frames) socket.send(frame);
        socket.close();
        await closed;
      }
    });
  });

  it('cannot break HTTP with requests of any shape', async () => {
    await withWitness(async (server) => {
      const paths = fc.oneof(
        fc.webPath(),
        fc.constantFrom(
          '/topics/%',
          '/topics/%00',
          '/topics/..%2f',
          '/sse?topic',
          '/topics/scratch?since=',
          '/topics/scratch',
          '/topics/log/a',
          '//',
          '/topics//',
          '/refresh/',
          '/ws',
        ),
        fc
          .tuple(fc.constantFrom('/topics/', '/refresh/', '/sse?topic='), fc.string({ maxLength: 30 }))
          .map(([a, b]) => a + encodeURIComponent(b)),
      );
      const requests = fc.record({
        method: fc.constantFrom('GET', 'PUT', 'PATCH', 'POST', 'DELETE', 'HEAD', 'OPTIONS'),
        path: paths,
        headers: fc.record(
          {
            accept: fc.constantFrom('*/*', 'text/event-stream', ''),
            'content-type': fc.constantFrom('application/json', 'application/json-patch+json', 'x'),
            'if-none-match': fc.constantFrom('"a:1"', '*', '"', 'W/'),
            prefer: fc.constantFrom('wait=0', 'wait=x', 'wait=-1', ';;'),
            'last-event-id': fc.constantFrom('a:1', ',,,', 'a:99999999999999999999'),
          },
          { requiredKeys: [] },
        ),
        body: fc.oneof(fc.json(), fc.string({ maxLength: 20 })),
      });
      for (const { method, path, headers, body } of fc.sample(requests, { numRuns: 150, seed: 11 })) {
        const withBody = method === 'PUT' || method === 'PATCH' || method === 'POST';
        const abort = new AbortController();
        const response = await fetch(`${server.url}${path}`, {
          method,
          headers: { ...AUTHORIZED, ...headers },
          signal: abort.signal,
          ...(withBody ? { body } : {}),
        }).catch(() => undefined);
        expect(response?.status ?? 0, `${method} ${path}`).not.toBe(500);
        abort.abort();
      }
    });
  });

  it('cannot break HTTP with raw bytes', async () => {
    await withWitness(async (server) => {
      const attacks = [
        '\0\0\0\0',
        'GET\r\n\r\n',
        'GET / HTTP/1.1\r\n\r\n',
        `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
        `GET / HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(5_000)}\r\n`,
        'PUT /topics/board HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n',
        'PUT /topics/board HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
        'POST /topics/log/a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n',
        'GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
        'GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: short\r\nsec-websocket-version: 13\r\n\r\n',
      ];
      await Promise.all(attacks.map((attack) => raw(server, attack)));
    });
  });

  it('that leaves in the middle of anything leaves nothing behind', async () => {
    await withWitness(async (server) => {
      for (let round = 0; round < 30; round++) {
        const abort = new AbortController();
        const requests = [
          fetch(`${server.url}/topics/board`, {
            headers: { accept: 'text/event-stream' },
            signal: abort.signal,
          }),
          fetch(`${server.url}/topics/board?since=x:1&wait=30`, { signal: abort.signal }),
        ];
        const { socket, say, closed } = await openWebSocket(server.wsUrl);
        say({ type: 'subscribe', topic: 'board' });
        socket.terminate();
        setImmediate(() => abort.abort());
        await Promise.allSettled([...requests, closed]);
      }
      await expect
        .poll(
          async () =>
            /^headwater_connections (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1],
        )
        .toBe('2');
    });
  });
});
