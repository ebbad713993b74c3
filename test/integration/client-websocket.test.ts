import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, type ConnectOptions, connect, type Update } from '../../shared/client/index.js';
import type { ClientMessage, SubscribeMessage } from '../../shared/messages.js';
import { type Peer, scriptedWebSocketServer, until } from '../support/scripted-servers.js';

const AT = '2026-01-02T03:04:05.678Z';

function value(topic: string, version: number, content: unknown) {
  return { type: 'value', topic, epoch: 'e', version, value: content, asOf: AT };
}
function patch(topic: string, from: number, version: number, content: unknown) {
  return {
    type: 'patch',
    topic,
    from,
    version,
    patch: [{ op: 'replace', path: '', value: content }],
    asOf: AT,
  };
}
function subscribed({ id, topic }: SubscribeMessage, version: number, resumed = false, kind = 'state') {
  return { type: 'subscribed', id, topic, kind, epoch: 'e', version, resumed };
}
/** Answers each subscribe with version 1 of the topic, whose value is its name. */
function serveNames(message: ClientMessage, peer: Peer): void {
  if (message.type === 'subscribe') peer.say(subscribed(message, 1), value(message.topic, 1, message.topic));
}

function open(url: string, options: ConnectOptions = {}) {
  const errors: { code: string; message: string }[] = [];
  const statuses: string[] = [];
  const client = connect(url, {
    WebSocket,
    backoff: { base: 5, max: 20 },
    onError: (error) => errors.push(error),
    ...options,
  });
  client.onStatus((status) => statuses.push(status));
  return { client, errors, statuses };
}
function collect(client: Client, topic: string) {
  const updates: Update[] = [];
  const errors: { code: string }[] = [];
  const subscription = client.subscribe(topic, (update) => updates.push(update), {
    onError: (error) => errors.push(error),
  });
  const values = () => updates.map((update) => (update.kind === 'state' ? update.value : update));
  return { updates, errors, subscription, values };
}

describe('the client over WebSocket', () => {
  test('keeps one subscription at the server however many subscribers a topic has', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url);
    const first = collect(client, 'a');
    const second = collect(client, 'a');
    await until(() => expect([first.values(), second.values()]).toEqual([['a'], ['a']]));
    const late = collect(client, 'a');
    await until(() => expect(late.values()).toEqual(['a']));

    first.subscription.close();
    late.subscription.close();
    late.subscription.close();
    const peer = await server.peer(0);
    peer.say(patch('a', 1, 2, 'b'));
    await until(() => expect(second.values()).toEqual(['a', 'b']));
    expect([first.values(), late.values()]).toEqual([['a'], ['a']]);
    second.subscription.close();
    await until(() =>
      expect(peer.heard.map((message) => message.type)).toEqual(['subscribe', 'unsubscribe']),
    );
    await client.close();
  });

  test('resumes every topic from its cursor after the connection is lost', async () => {
    await using server = await scriptedWebSocketServer({
      answer(message, peer) {
        if (message.type !== 'subscribe') return;
        if (!message.since) return serveNames(message, peer);
        const { version } = message.since;
        peer.say(subscribed(message, version + 1, true));
        peer.say(patch(message.topic, version, version + 1, `${message.topic}, later`));
      },
    });
    const { client, statuses } = open(server.url);
    const a = collect(client, 'a');
    const b = collect(client, 'b');
    await until(() => expect([a.values(), b.values()]).toEqual([['a'], ['b']]));
    server.peers[0]!.socket.terminate();
    await until(() =>
      expect([a.values(), b.values()]).toEqual([
        ['a', 'a, later'],
        ['b', 'b, later'],
      ]),
    );
    expect(server.peers[1]!.heard).toMatchObject([
      { topic: 'a', since: { epoch: 'e', version: 1 } },
      { topic: 'b', since: { epoch: 'e', version: 1 } },
    ]);
    await client.close();
    expect(statuses).toEqual(['open', 'reconnecting', 'open', 'closed']);
  });

  test('asks for the whole value when a patch starts elsewhere, and shows nothing in between', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url);
    const a = collect(client, 'a');
    await until(() => expect(a.values()).toEqual(['a']));
    const peer = server.peers[0]!;
    peer.say(patch('a', 2, 3, 'wrong'), patch('a', 3, 4, 'wrong too'));
    await until(() => expect(peer.heard).toHaveLength(2));
    expect(peer.heard[1]).not.toHaveProperty('since');
    peer.say(patch('a', 1, 5, 'right'));
    await until(() => expect(a.values().at(-1)).toBe('right'));
    expect(a.values()).not.toContain('wrong');
    expect(a.values()).not.toContain('wrong too');
    await client.close();
  });

  test('comes back when a draining server said, not when its own backoff says', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client, statuses } = open(server.url, { backoff: { base: 3_600_000, max: 3_600_000 } });
    const peer = await server.peer(0);
    peer.say({ type: 'drain', reconnectAfter: 1 });
    await until(() => expect(client.status).toBe('draining'));
    peer.socket.close(1012);
    await server.peer(1);
    await until(() => expect(client.status).toBe('open'));
    expect(statuses).toEqual(['open', 'draining', 'reconnecting', 'open']);
    await client.close();
  });

  test('pings a silent server, and reconnects when no answer comes', async () => {
    const deaf = new Set<Peer>();
    await using server = await scriptedWebSocketServer({
      heartbeat: 50,
      answer(message, peer) {
        if (message.type === 'ping' && !deaf.has(peer)) peer.say({ type: 'pong' });
      },
    });
    const { client } = open(server.url);
    const pings = (peer: Peer) => peer.heard.filter(({ type }) => type === 'ping').length;
    // One that is answered is followed by others on the same connection. A machine that is busy for longer than a
    // heartbeat may have cost an earlier connection.
    await until(() => expect(Math.max(0, ...server.peers.map(pings))).toBeGreaterThan(3));
    for (const peer of server.peers) deaf.add(peer);
    await server.peer(server.peers.length);
    await until(() => expect(server.open).toBe(1));
    await client.close();
  });

  test('closes the subscription and says why when the server refuses the topic', async () => {
    await using server = await scriptedWebSocketServer({
      answer(message, peer) {
        if (message.type !== 'subscribe') return;
        peer.say({
          type: 'error',
          id: message.id,
          code: 'unknown_topic',
          message: 'there is no topic "nope"',
        });
      },
    });
    const { client, errors } = open(server.url);
    const nope = collect(client, 'nope');
    await until(() => expect(nope.errors).toMatchObject([{ code: 'unknown_topic' }]));
    expect(nope.subscription.closed).toBe(true);
    await expect(client.watch('nope').next()).rejects.toMatchObject({ code: 'unknown_topic' });
    expect(errors).toEqual([]);
    await client.close();
  });

  test('refuses what is no topic name without asking the server', async () => {
    await using server = await scriptedWebSocketServer({});
    const { client } = open(server.url);
    const bad = collect(client, '../etc');
    await until(() => expect(bad.errors).toMatchObject([{ code: 'bad_request' }]));
    expect(bad.subscription.closed).toBe(true);
    await client.close();
  });

  test('reports frames that make no sense and goes on', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client, errors } = open(server.url);
    const a = collect(client, 'a');
    await until(() => expect(a.values()).toEqual(['a']));
    const { socket } = server.peers[0]!;
    socket.send('{"type":');
    socket.send(Buffer.from([1, 2, 3]));
    socket.send('[{"type":"value","topic":"a"},{"type":"from-the-future","topic":"a"}]');
    server.peers[0]!.say(patch('a', 1, 2, 'good'));
    await until(() => expect(a.values()).toEqual(['a', 'good']));
    expect(errors.map(({ code }) => code)).toEqual(['protocol_error', 'protocol_error', 'protocol_error']);
    await client.close();
  });

  test('lets no subscriber suffer from another that throws', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client, errors } = open(server.url);
    client.subscribe('a', () => {
      throw new Error('mine');
    });
    const other = collect(client, 'a');
    await until(() => expect(other.values()).toEqual(['a']));
    expect(errors).toMatchObject([{ code: 'callback_failed', message: expect.stringContaining('mine') }]);
    await client.close();
  });

  test('tells when the source goes stale and when it is fresh again', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url);
    const a = collect(client, 'a');
    const peer = await server.peer(0);
    await until(() => expect(a.updates).toHaveLength(1));
    peer.say({ type: 'stale', topic: 'a', asOf: AT, error: 'upstream timed out' });
    peer.say({ type: 'fresh', topic: 'a' }, patch('a', 1, 2, 'b'));
    await until(() => expect(a.updates).toHaveLength(4));
    expect(a.updates.map((update) => update.kind === 'state' && [update.stale, update.changed])).toEqual([
      [undefined, true],
      ['upstream timed out', false],
      [undefined, false],
      [undefined, true],
    ]);
    await client.close();
  });

  test('delivers events in order and tells what is lost', async () => {
    await using server = await scriptedWebSocketServer({
      answer(message, peer) {
        if (message.type === 'subscribe') peer.say(subscribed(message, 4, false, 'event'));
      },
    });
    const { client } = open(server.url);
    const chat = collect(client, 'chat');
    const peer = await server.peer(0);
    await until(() => expect(peer.heard).toHaveLength(1));
    peer.say({ type: 'event', topic: 'chat', version: 5, event: 'hi' });
    peer.say(
      { type: 'gap', topic: 'chat', from: 5, version: 8 },
      { type: 'event', topic: 'chat', version: 9, event: 'ho' },
    );
    await until(() => expect(chat.updates).toHaveLength(3));
    expect(chat.updates).toMatchObject([
      { kind: 'event', event: 'hi', version: 5 },
      { kind: 'gap', from: 5, version: 8 },
      { kind: 'event', event: 'ho', version: 9 },
    ]);
    await client.close();
  });

  test('asks for progress as often as the keenest subscriber wants it', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url);
    const ignore = () => undefined;
    client.subscribe('a', ignore, { mode: 'value', progress: 5_000 });
    client.subscribe('a', ignore, { progress: 9_000 });
    const peer = await server.peer(0);
    await until(() => expect(peer.heard).toHaveLength(1));
    client.subscribe('a', ignore, { progress: 1_000 });
    await until(() => expect(peer.heard).toHaveLength(2));
    expect(peer.heard).toMatchObject([
      { type: 'subscribe', mode: 'value', progress: 5_000 },
      { type: 'subscribe', mode: 'value', progress: 1_000 },
    ]);
    await client.close();
  });

  test('sends the token before anything else', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url, { token: 'secret' });
    collect(client, 'a');
    const peer = await server.peer(0);
    await until(() => expect(peer.heard).toHaveLength(2));
    expect(peer.heard).toMatchObject([{ type: 'auth', token: 'secret' }, { type: 'subscribe' }]);
    await client.close();
  });

  test('keeps trying while nobody listens, and stops when it is closed', async () => {
    const server = await scriptedWebSocketServer({});
    await server[Symbol.asyncDispose]();
    const { client, statuses } = open(server.url);
    await until(() => expect(client.status).toBe('reconnecting'));
    await client.close();
    await client.close();
    expect(statuses).toEqual(['reconnecting', 'closed']);
    const after = collect(client, 'a');
    await until(() => expect(after.errors).toMatchObject([{ code: 'closed' }]));
  });

  test('leaves no connection behind when it is disposed of', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    {
      await using client = connect(server.url, { WebSocket });
      await client.watch('a').next();
      expect(server.open).toBe(1);
    }
    await until(() => expect(server.open).toBe(0));
  });
});

describe('watching a topic', () => {
  test('skips to the latest value when the loop is slow', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url);
    const last = collect(client, 'a');
    const seen: unknown[] = [];
    for await (const update of client.watch('a')) {
      if (update.kind !== 'state') throw new Error('no state');
      seen.push(update.value);
      if (update.version > 1) break;
      for (let version = 1; version < 100; version++) {
        server.peers[0]!.say(patch('a', version, version + 1, version + 1));
      }
      await until(() => expect(last.values().at(-1)).toBe(100));
    }
    expect(seen).toEqual(['a', 100]);
    await client.close();
  });

  test('ends with the reason of its signal, and lets go of the topic', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url);
    const controller = new AbortController();
    const updates = client.watch('a', { signal: controller.signal });
    await updates.next();
    const next = updates.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await until(() =>
      expect(server.peers[0]!.heard.at(-1)).toMatchObject({ type: 'unsubscribe', topic: 'a' }),
    );
    await client.close();
  });

  test('ends quietly when the client is closed', async () => {
    await using server = await scriptedWebSocketServer({ answer: serveNames });
    const { client } = open(server.url);
    const seen: unknown[] = [];
    for await (const update of client.watch('a')) {
      seen.push(update.topic);
      void client.close();
    }
    expect(seen).toEqual(['a']);
  });
});

describe('connecting', () => {
  test('refuses what is no URL of a server', () => {
    for (const url of ['localhost', 'ftp://example.org', 'ws://example.org']) {
      expect(() => connect(url, { WebSocket })).toThrowError(
        expect.objectContaining({ code: 'config_invalid' }),
      );
    }
  });

  test('keeps the path that the server is mounted below', async () => {
    await using server = await scriptedWebSocketServer({});
    const urls: string[] = [];
    class Recorded extends WebSocket {
      constructor(url: string, protocols: string) {
        urls.push(url);
        super(url, protocols);
      }
    }
    const { client } = open(`${server.url}/live?x=1#y`, { WebSocket: Recorded });
    await until(() => expect(client.status).toBe('open'));
    expect(urls).toEqual([`${server.url.replace('http', 'ws')}/live/ws`]);
    await client.close();
  });
});
