import { describe, expect, it } from 'vitest';
import { openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { AUTHORIZED, startServer, type TestServer, TOKEN } from '../support/server.js';

const JSON_TYPE = 'application/json';

describe.each(POLICIES)('publishing on %s', (loop) => {
  const topics = [{ topic: 'board' }, { topic: 'log', kind: 'event' as const }];
  const start = (more = {}) => startServer({ loop, topics, ...more });

  function send(
    { url }: TestServer,
    method: string,
    topic: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string | undefined> = {},
  ) {
    const all = { 'content-type': JSON_TYPE, ...AUTHORIZED, ...headers };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return fetch(`${url}/topics/${topic}`, { method, headers: Object.fromEntries(given), body });
  }

  it('sets by PUT, changes by PATCH of either type, appends by POST, and answers with the version', async () => {
    const server = await start();
    const put = await send(server, 'PUT', 'board', '{"a":1,"b":2}');
    expect([put.status, put.headers.get('etag'), await put.json()]).toEqual([
      200,
      expect.stringMatching(/^"\w+:1"$/),
      { type: 'published', topic: 'board', version: 1 },
    ]);
    const patch = await send(server, 'PATCH', 'board', '[{"op":"add","path":"/c","value":3}]', {
      'content-type': 'application/json-patch+json',
    });
    expect(await patch.json()).toMatchObject({ version: 2 });
    const merge = await send(server, 'PATCH', 'board', '{"a":null,"b":9}', {
      'content-type': 'application/merge-patch+json; charset=utf-8',
    });
    expect(await merge.json()).toMatchObject({ version: 3 });
    expect(await (await fetch(`${server.url}/topics/board`)).json()).toEqual({ b: 9, c: 3 });
    await send(server, 'POST', 'log', '"first"');
    expect(await (await send(server, 'POST', 'log', '"second"')).json()).toMatchObject({ version: 2 });
    expect(await (await fetch(`${server.url}/topics/log`)).json()).toEqual([
      { version: 1, event: 'first' },
      { version: 2, event: 'second' },
    ]);
  });

  it('lets exactly one of two conditional writers through', async () => {
    const server = await start();
    const etag = (await send(server, 'PUT', 'board', '0')).headers.get('etag')!;
    const results = await Promise.all(
      [1, 2].map((n) => send(server, 'PUT', 'board', String(n), { 'if-match': etag })),
    );
    expect(results.map(({ status }) => status).sort()).toEqual([200, 412]);
    const lost = results.find(({ status }) => status === 412)!;
    expect(await lost.json()).toMatchObject({ status: 412, code: 'bad_request' });
    expect((await send(server, 'PUT', 'board', '3', { 'if-match': '*' })).status).toBe(200);
  });

  it('creates only where nothing is, if asked to', async () => {
    const server = await start();
    const create = () => send(server, 'PUT', 'board', '1', { 'if-none-match': '*' });
    expect((await create()).status).toBe(200);
    expect((await create()).status).toBe(412);
  });

  it.each([
    ['no token', { authorization: undefined }, 401, 'unauthorized'],
    ['a wrong token', { authorization: 'Bearer wrong' }, 401, 'unauthorized'],
    ['another scheme', { authorization: `Basic ${TOKEN}` }, 401, 'unauthorized'],
    ['a foreign page', { origin: 'https://evil.example' }, 403, 'forbidden'],
    ['an unknown media type', { 'content-type': 'text/csv' }, 415, 'bad_request'],
    ['an encoded body', { 'content-encoding': 'gzip' }, 415, 'bad_request'],
  ])('refuses %s', async (_, headers, status, code) => {
    const server = await start();
    const response = await send(server, 'PUT', 'board', '1', headers);
    expect([response.status, (await response.json()).code]).toEqual([status, code]);
    expect(server.headwater.topic('board').version).toBe(0);
  });

  it('refuses everybody where no token is configured', async () => {
    const server = await start({ auth: {} });
    const response = await send(server, 'PUT', 'board', '1');
    expect([response.status, (await response.json()).code]).toEqual([403, 'forbidden']);
    const { inbox, say } = await openWebSocket(server.wsUrl, { headers: AUTHORIZED });
    say({ type: 'publish', id: 1, topic: 'board', value: 1 });
    await inbox.next();
    expect(await inbox.next()).toMatchObject({ type: 'error', id: 1, code: 'forbidden' });
  });

  it.each([
    ['invalid JSON', 'PUT', 'board', '{"a":', {}, 400],
    ['invalid UTF-8', 'PUT', 'board', new Uint8Array([0x22, 0xff, 0x22]), {}, 400],
    ['an empty body', 'PUT', 'board', '', {}, 400],
    ['a body beyond the limit', 'PUT', 'board', `"${'x'.repeat(1024 * 1024)}"`, {}, 413],
    ['a value nested too deep', 'PUT', 'board', '['.repeat(9_000) + ']'.repeat(9_000), {}, 413],
    [
      'a patch that is no array',
      'PATCH',
      'board',
      '{}',
      { 'content-type': 'application/json-patch+json' },
      400,
    ],
    [
      'a malformed operation',
      'PATCH',
      'board',
      '[{"op":"frob"}]',
      { 'content-type': 'application/json-patch+json' },
      400,
    ],
    [
      'a patch that does not apply',
      'PATCH',
      'board',
      '[{"op":"add","path":"/b","value":1},{"op":"remove","path":"/nothing"}]',
      { 'content-type': 'application/json-patch+json' },
      409,
    ],
    [
      'a patch through a prototype',
      'PATCH',
      'board',
      '[{"op":"add","path":"/__proto__/polluted","value":1}]',
      { 'content-type': 'application/json-patch+json' },
      400,
    ],
    ['a value for an event topic', 'PUT', 'log', '1', {}, 400],
    ['an event for a state topic', 'POST', 'board', '1', {}, 400],
    ['an unknown topic', 'PUT', 'nothing', '1', {}, 404],
  ] as const)(
    'answers %s with a problem document and changes nothing',
    async (_, method, topic, body, headers, status) => {
      const server = await start();
      await send(server, 'PUT', 'board', '{"a":1}');
      const response = await send(server, method, topic, body, headers);
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ status, detail: expect.any(String) });
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
      const board = server.headwater.topic('board');
      expect([board.version, board.value]).toEqual([1, { a: 1 }]);
    },
  );

  it('publishes over WebSocket with the token of the handshake or of an auth message', async () => {
    const server = await start();
    const early = await openWebSocket(server.wsUrl, { headers: AUTHORIZED });
    early.say({ type: 'publish', id: 'p', topic: 'board', value: { a: 1 } });
    await early.inbox.next();
    expect(await early.inbox.next()).toEqual({ type: 'published', id: 'p', topic: 'board', version: 1 });
    const late = await openWebSocket(server.wsUrl);
    await late.inbox.next();
    late.say({ type: 'publish', id: 1, topic: 'board', value: 2 });
    expect(await late.inbox.next()).toMatchObject({ type: 'error', id: 1, code: 'unauthorized' });
    late.say({ type: 'auth', id: 2, token: 'wrong' });
    expect(await late.inbox.next()).toMatchObject({ type: 'error', id: 2, code: 'unauthorized' });
    late.say({ type: 'auth', id: 3, token: TOKEN });
    expect(await late.inbox.next()).toEqual({ type: 'authenticated', id: 3 });
    late.say({ type: 'publish', id: 4, topic: 'board', patch: [{ op: 'replace', path: '/a', value: 2 }] });
    expect(await late.inbox.next()).toEqual({ type: 'published', id: 4, topic: 'board', version: 2 });
    late.say({ type: 'publish', id: 5, topic: 'log', event: null });
    expect(await late.inbox.next()).toEqual({ type: 'published', id: 5, topic: 'log', version: 1 });
    late.say({ type: 'publish', id: 6, topic: 'board', patch: [{ op: 'remove', path: '/nothing' }] });
    expect(await late.inbox.next()).toMatchObject({
      type: 'error',
      id: 6,
      topic: 'board',
      code: 'bad_request',
    });
  });

  it('refuses a handshake with a wrong token, and one of a foreign page', async () => {
    const server = await start({ http: { origins: ['https://app.example'] } });
    await expect(openWebSocket(server.wsUrl, { headers: { authorization: 'Bearer wrong' } })).rejects.toThrow(
      '401',
    );
    await expect(openWebSocket(server.wsUrl, { origin: 'https://evil.example' })).rejects.toThrow('403');
    for (const origin of ['https://app.example', server.url]) {
      const { inbox } = await openWebSocket(server.wsUrl, { origin, protocol: 'headwater.v1' });
      expect((await inbox.next()).type).toBe('hello');
    }
  });

  it('lets pages of a listed origin read and publish, preflight included', async () => {
    const origin = 'https://app.example';
    const server = await start({ http: { origins: [origin] } });
    const preflight = await fetch(`${server.url}/topics/board`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const put = await send(server, 'PUT', 'board', '1', { origin });
    expect([put.status, put.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    const foreign = await fetch(`${server.url}/topics/board`, {
      headers: { origin: 'https://evil.example' },
    });
    expect([foreign.headers.get('access-control-allow-origin'), foreign.headers.get('vary')]).toEqual([
      null,
      'Origin',
    ]);
  });
});
