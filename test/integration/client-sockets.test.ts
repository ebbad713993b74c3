import { WebSocket as UndiciWebSocket } from 'undici';
import { describe, expect, test } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { connect, type WebSocketConstructor } from '../../shared/client/index.js';
import { scriptedWebSocketServer, until } from '../support/scripted-servers.js';

const CLASSES: [string, WebSocketConstructor][] = [
  ['of `ws`, which can be cut', WsWebSocket],
  // Node's own, and in this like those of browsers.
  ['of undici, which can only be closed', UndiciWebSocket as unknown as WebSocketConstructor],
];

/** A client of that class whose sockets can be looked at. */
function open(url: string, Base: WebSocketConstructor) {
  let made = 0;
  let closed = 0;
  class Counted extends Base {
    constructor(target: string, protocols: string) {
      super(target, protocols);
      made += 1;
      // What undici says of its state is CLOSING for ever where it was closed before it was open; the event comes always.
      this.addEventListener('close', () => {
        closed += 1;
      });
    }
  }
  const client = connect(url, {
    WebSocket: Counted,
    backoff: { base: 5, max: 20 },
    onError: () => undefined,
  });
  return {
    [Symbol.asyncDispose]: client.close,
    async close() {
      await client.close();
      // It waits for them, but not for ever; on a busy machine one may be closed later.
      await until(() => expect(closed).toBe(made));
    },
  };
}

describe.concurrent.each(CLASSES)('a client with the WebSocket %s', (_, Base) => {
  test('keeps no connection to a server that never says hello', async () => {
    await using server = await scriptedWebSocketServer({ mute: true });
    await using client = open(server.url, Base);
    await server.peer(1);
    await until(() => expect(server.open).toBe(1));
    await client.close();
    await until(() => expect(server.open).toBe(0));
  });

  test('keeps no connection to a server that falls silent', async () => {
    await using server = await scriptedWebSocketServer({ heartbeat: 50 });
    await using client = open(server.url, Base);
    await server.peer(3);
    await until(() => expect(server.open).toBeLessThanOrEqual(1));
    await client.close();
    await until(() => expect(server.open).toBe(0));
  });

  test.each([
    ['by a close frame', (socket: WsWebSocket) => socket.close(1001)],
    ['without a word', (socket: WsWebSocket) => socket.terminate()],
  ])('keeps no connection to a server that ends it %s', async (_, end) => {
    await using server = await scriptedWebSocketServer({});
    await using client = open(server.url, Base);
    for (let index = 0; index < 3; index++) end((await server.peer(index)).socket);
    await server.peer(3);
    await until(() => expect(server.open).toBe(1));
    await client.close();
    await until(() => expect(server.open).toBe(0));
  });

  test('is closed all the same where a server does not answer its close frame', async () => {
    await using server = await scriptedWebSocketServer({});
    await using client = connect(server.url, { WebSocket: Base });
    const { socket } = await server.peer(0);
    await until(() => expect(client.status).toBe('open'));
    socket.pause();
    await client.close();
    socket.resume();
    await until(() => expect(server.open).toBe(0));
  });
});
