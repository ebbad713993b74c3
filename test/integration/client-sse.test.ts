import { describe, expect, test } from 'vitest';
import { type ConnectOptions, connect, type Update } from '../../shared/client/index.js';
import { scriptedSseServer, until } from '../support/scripted-servers.js';

const AT = '2026-01-02T03:04:05.678Z';

function value(version: number, content: unknown, epoch = 'e') {
  return { type: 'value', topic: 'a/b', epoch, version, value: content, asOf: AT };
}
function patch(from: number, version: number, content: unknown) {
  return {
    type: 'patch',
    topic: 'a/b',
    from,
    version,
    patch: [{ op: 'replace', path: '', value: content }],
    asOf: AT,
  };
}

function watchTopic(url: string, options: ConnectOptions = {}) {
  const updates: Update[] = [];
  const errors: { code: string; message: string }[] = [];
  const statuses: (string | undefined)[][] = [];
  const client = connect(url, { transport: 'sse', backoff: { base: 5, max: 20 }, ...options });
  client.onStatus((status, reason) => statuses.push([status, reason]));
  const subscription = client.subscribe('a/b', (update) => updates.push(update), {
    onError: (error) => errors.push(error),
  });
  const values = () => updates.map((update) => update.kind === 'state' && update.value);
  return { client, subscription, updates, errors, statuses, values };
}

describe('the client over Server-Sent Events', () => {
  test('asks for patches of the topic on its own URL, with the token in a header', async () => {
    await using server = await scriptedSseServer();
    const { client, values } = watchTopic(`${server.url}/live`, { token: 'secret' });
    const request = await server.request(0);
    expect(request.message.url).toBe('/live/topics/a/b?mode=patch');
    expect(request.message.headers).toMatchObject({
      accept: 'text/event-stream',
      authorization: 'Bearer secret',
    });
    expect(request.message.headers).not.toHaveProperty('last-event-id');
    request.say('e:1', value(1, 'one'));
    request.say('e:3', patch(1, 2, 'two'), patch(2, 3, 'three'));
    await until(() => expect(values()).toEqual(['one', 'two', 'three']));
    await client.close();
  });

  test('is what `auto` comes to where there is no WebSocket', async () => {
    const { WebSocket } = globalThis;
    Reflect.deleteProperty(globalThis, 'WebSocket');
    try {
      await using server = await scriptedSseServer();
      const { client } = watchTopic(server.url, { transport: 'auto' });
      await server.request(0);
      expect(() => connect(server.url, { transport: 'websocket' })).toThrowError(/WebSocket/);
      await client.close();
    } finally {
      if (WebSocket) globalThis.WebSocket = WebSocket;
    }
  });

  test('resumes from where it stopped when the stream ends', async () => {
    await using server = await scriptedSseServer();
    const { client, values, statuses } = watchTopic(server.url);
    const first = await server.request(0);
    first.say('e:1', value(1, 'one'));
    await until(() => expect(values()).toEqual(['one']));
    first.response.end();
    const second = await server.request(1);
    expect(second.message.headers['last-event-id']).toBe('e:1');
    second.say('e:2', patch(1, 2, 'two'));
    await until(() => expect(values()).toEqual(['one', 'two']));
    await client.close();
    expect(statuses).toEqual([
      ['open', undefined],
      ['reconnecting', 'the server ended the stream'],
      ['open', undefined],
      ['closed', undefined],
    ]);
  });

  test('resumes events from where the stream began when it is lost before the first', async () => {
    await using server = await scriptedSseServer();
    const { client, updates } = watchTopic(server.url);
    const first = await server.request(0);
    first.response.writeHead(200, { 'content-type': 'text/event-stream' }).end('id: e:4\n\n');
    const second = await server.request(1);
    expect(second.message.headers['last-event-id']).toBe('e:4');
    second.say('e:5', { type: 'event', topic: 'a/b', version: 5, event: 'hi' });
    await until(() =>
      expect(updates).toMatchObject([{ kind: 'event', event: 'hi', version: 5, epoch: 'e' }]),
    );
    await client.close();
  });

  test('starts over without a cursor when a patch is of another epoch', async () => {
    await using server = await scriptedSseServer();
    const { client, values } = watchTopic(server.url);
    const first = await server.request(0);
    first.say('e:1', value(1, 'one'));
    first.say('f:2', patch(1, 2, 'wrong'));
    const second = await server.request(1);
    expect(second.message.headers).not.toHaveProperty('last-event-id');
    second.say('f:2', value(2, 'right', 'f'));
    await until(() => expect(values()).toEqual(['one', 'right']));
    await client.close();
  });

  test.each([
    ['`retry:`', 'retry: 1\n\n'],
    ['a drain message', 'data: {"type":"drain","reconnectAfter":1}\n\n'],
  ])('comes back when the server said by %s', async (_, block) => {
    await using server = await scriptedSseServer();
    const { client } = watchTopic(server.url, { backoff: { base: 3_600_000, max: 3_600_000 } });
    const first = await server.request(0);
    first.say('e:1', value(1, 'one'));
    first.response.end(block);
    await server.request(1);
    await client.close();
  });

  test('tries again after 503 when Retry-After says', async () => {
    await using server = await scriptedSseServer((request, index) => {
      if (index === 0) request.response.writeHead(503, { 'retry-after': '0' }).end();
      else request.say('e:1', value(1, 'one'));
    });
    const { client, values, statuses } = watchTopic(server.url, {
      backoff: { base: 3_600_000, max: 3_600_000 },
    });
    await until(() => expect(values()).toEqual(['one']));
    expect(statuses[0]).toEqual(['reconnecting', 'the server answered 503']);
    await client.close();
  });

  test('closes the subscription with the code of the problem document', async () => {
    await using server = await scriptedSseServer(({ response }) => {
      response.writeHead(404, { 'content-type': 'application/problem+json' });
      response.end('{"status":404,"code":"unknown_topic","detail":"There is no topic \\"a/b\\"."}');
    });
    const { client, errors, subscription } = watchTopic(server.url);
    await until(() =>
      expect(errors).toMatchObject([{ code: 'unknown_topic', message: 'There is no topic "a/b".' }]),
    );
    expect(subscription.closed).toBe(true);
    await client.close();
    expect(server.requests).toHaveLength(1);
  });

  test('refuses an answer that is no event stream', async () => {
    await using server = await scriptedSseServer(({ response }) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello');
    });
    const { client, errors } = watchTopic(server.url);
    await until(() => expect(errors).toMatchObject([{ code: 'protocol_error' }]));
    await client.close();
  });

  test('ends its request when the last subscriber leaves, and all of them when it is closed', async () => {
    await using server = await scriptedSseServer((request) => request.say('e:1', value(1, 'one')));
    const { client, subscription, values } = watchTopic(server.url);
    await until(() => expect(values()).toEqual(['one']));
    subscription.close();
    await until(() => expect(server.requests[0]!.message.destroyed).toBe(true));
    const again = client.watch('a/b');
    expect((await again.next()).value).toMatchObject({ value: 'one' });
    await client.close();
    await until(() => expect(server.requests[1]!.message.destroyed).toBe(true));
    expect(await again.next()).toEqual({ done: true, value: undefined });
  });

  test('reports data that makes no sense and goes on', async () => {
    await using server = await scriptedSseServer((request) => {
      request.say('e:1', value(1, 'one'));
      request.response.write('data: {"type"\n\n');
      request.say('e:2', value(2, 'two'));
    });
    const { client, values, errors } = watchTopic(server.url);
    await until(() => expect(values()).toEqual(['one', 'two']));
    expect(errors).toMatchObject([{ code: 'protocol_error' }]);
    await client.close();
  });
});
