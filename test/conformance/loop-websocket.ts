import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type {
  HttpHandlers,
  HttpListenOptions,
  LoopPolicy,
  WebSocketConnection,
  WebSocketHandlers,
} from '../../server/loop/policy.js';
import { cleanup, closing, connectRaw, deferred, eventually, type MakeLoop, pattern } from './loop-client.js';

export const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

export const SOCKET_OPTIONS: HttpListenOptions = { host: '127.0.0.1', port: 0, maxMessageBytes: 64 * 1024 };

export function openWebSocket(port: number, path = '/', protocols: string[] = []): WebSocket {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols);
  ws.on('error', () => {});
  cleanup(() => ws.terminate());
  return ws;
}

export function webSocketConformance(make: MakeLoop): void {
  const listenUpgrade = async (upgrade: HttpHandlers['upgrade'], options: Partial<HttpListenOptions> = {}) =>
    closing(
      await make().policy.listenHttp(
        { ...SOCKET_OPTIONS, ...options },
        { request: (_request, response) => response.send(200, {}, 'plain'), upgrade },
      ),
    );
  const listen = (
    open: (socket: WebSocketConnection) => Partial<WebSocketHandlers>,
    options: Partial<HttpListenOptions> = {},
  ) =>
    listenUpgrade(
      (_request, upgrade) =>
        upgrade.accept({ open: (socket) => ({ message() {}, close() {}, ...open(socket) }) }),
      options,
    );
  const closed = (ws: WebSocket): Promise<[number, string]> =>
    new Promise((resolve) => ws.once('close', (code, reason) => resolve([code, String(reason)])));

  describe('WebSocket handshakes', () => {
    it('carries path, query and headers, and agrees on the chosen subprotocol', async () => {
      const seen = deferred<(string | undefined)[]>();
      const { port } = await listenUpgrade((request, upgrade) => {
        seen.resolve([
          request.path,
          request.query,
          request.header('authorization'),
          request.header('sec-websocket-protocol')?.replaceAll(' ', ''),
        ]);
        upgrade.accept({
          protocol: 'two',
          open: (socket) => {
            socket.sendPrepared(make().policy.prepareText('welcome'));
            return { message() {}, close() {} };
          },
        });
      });
      const ws = new WebSocket(`ws://127.0.0.1:${port}/ws?a=b`, ['one', 'two'], {
        headers: { authorization: 'Bearer t' },
      });
      cleanup(() => ws.terminate());
      const [message] = await once(ws, 'message');
      expect(String(message)).toBe('welcome');
      expect(ws.protocol).toBe('two');
      expect(await seen.promise).toEqual(['/ws', 'a=b', 'Bearer t', 'one,two']);
    });

    it('answers the key as RFC 6455 says, with no subprotocol and no extension where none was chosen', async () => {
      const { port } = await listen(() => ({}));
      const peer = await connectRaw(port);
      peer.send(HANDSHAKE.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'));
      const head = await peer.untilText('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1.1 101 /);
      expect(head).toMatch(/sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
      expect(head).not.toMatch(/sec-websocket-(protocol|extensions)/i);
    });

    it('accepts later', async () => {
      const { port } = await listenUpgrade((_request, upgrade) => {
        setTimeout(() => {
          upgrade.accept({
            open: (socket) => ({
              message: (bytes, binary) => echo(make().policy, socket, bytes, binary),
              close() {},
            }),
          });
        }, 30);
      });
      const ws = openWebSocket(port);
      ws.once('open', () => ws.send('patient'));
      expect(String((await once(ws, 'message'))[0])).toBe('patient');
    });

    it.each([0, 20])('refuses with an HTTP answer, %i ms later', async (delay) => {
      const { port } = await listenUpgrade((_request, upgrade) => {
        const refuse = (): void =>
          upgrade.refuse(403, { 'content-type': 'application/problem+json' }, '{"title":"no"}');
        if (delay === 0) refuse();
        else setTimeout(refuse, delay);
      });
      const ws = openWebSocket(port);
      const [, incoming] = await once(ws, 'unexpected-response');
      expect(incoming.statusCode).toBe(403);
      expect(incoming.headers['content-type']).toBe('application/problem+json');
      expect(String((await once(incoming, 'data'))[0])).toBe('{"title":"no"}');
    });

    it('tells when the client leaves before it is answered; answers come to nothing', async () => {
      const aborted = deferred();
      const started = deferred();
      const { port } = await listenUpgrade((_request, upgrade) => {
        upgrade.onAbort(() => {
          upgrade.accept({
            open: () => {
              throw new Error('opened a socket that is gone');
            },
          });
          upgrade.refuse(500, {});
          aborted.resolve();
        });
        started.resolve();
      });
      const peer = await connectRaw(port);
      peer.send(HANDSHAKE);
      await started.promise;
      peer.socket.destroy();
      await aborted.promise;
    });

    it.each([
      ['no key', /Sec-WebSocket-Key.*\r\n/, '', 400],
      ['a bad key', /dGhl.*==/, 'short', 400],
      ['another version', 'Version: 13', 'Version: 7', 426],
      ['a protocol without a name', 'Version: 13', 'Version: 13\r\nSec-WebSocket-Protocol: a, ,b', 400],
      ['one protocol twice', 'Version: 13', 'Version: 13\r\nSec-WebSocket-Protocol: a, b, a', 400],
    ])('refuses a handshake with %s by itself', async (_what, part, replacement, status) => {
      const { port } = await listenUpgrade(() => {
        throw new Error('asked about a broken handshake');
      });
      const peer = await connectRaw(port);
      peer.send(HANDSHAKE.replace(part, replacement));
      expect(await peer.untilText('\r\n\r\n')).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    });

    it('takes a GET with a key but no wish to upgrade for plain HTTP', async () => {
      const { port } = await listen(() => ({}));
      const peer = await connectRaw(port);
      peer.send(HANDSHAKE.replace('Connection: Upgrade\r\nUpgrade: websocket\r\n', ''));
      await peer.untilText('plain');
    });

    it('cuts only the connection whose upgrade handler throws, and reports it', async () => {
      const defects: string[] = [];
      const { port } = await listenUpgrade(
        () => {
          throw new Error('on purpose');
        },
        { onDefect: (error, where) => void defects.push(`${where}: ${String(error)}`) },
      );
      const peer = await connectRaw(port);
      peer.send(HANDSHAKE);
      await peer.closed;
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('plain');
      expect(defects).toEqual(['upgrade: Error: on purpose']);
    });
  });

  describe('WebSockets', () => {
    it.each([0, 1, 125, 126, 127, 65535, 65536, 300_000])(
      'carries text and bytes of %i bytes both ways',
      async (size) => {
        const { port } = await listen(
          (socket) => ({ message: (bytes, binary) => echo(make().policy, socket, bytes, binary) }),
          { maxMessageBytes: 1024 * 1024 },
        );
        const ws = openWebSocket(port);
        await once(ws, 'open');
        const bytes = pattern(size);
        ws.send(bytes);
        const [binaryBack, isBinary] = await once(ws, 'message');
        expect(isBinary).toBe(true);
        expect(Buffer.from(binaryBack).equals(bytes)).toBe(true);
        const text = 'ü'.repeat(size >> 1);
        ws.send(text);
        const [textBack, isText] = await once(ws, 'message');
        expect(isText).toBe(false);
        expect(String(textBack) === text).toBe(true);
      },
    );

    it('sends one prepared frame to many connections', async () => {
      const { policy } = make();
      const texts = ['', 'kurz', '✓'.repeat(100), 'x'.repeat(70_000)];
      const frames = texts.map((text) => policy.prepareText(text));
      const { port } = closing(
        await policy.listenHttp(SOCKET_OPTIONS, {
          request: (_request, response) => response.send(404, {}),
          upgrade: (_request, upgrade) =>
            upgrade.accept({
              open(socket) {
                for (const frame of frames) socket.sendPrepared(frame);
                return { message() {}, close() {} };
              },
            }),
        }),
      );
      for (let client = 0; client < 3; client++) {
        const ws = openWebSocket(port);
        const received: string[] = [];
        ws.on('message', (data, binary) => received.push(binary ? 'binary' : String(data)));
        await eventually(() => received.length === texts.length);
        expect(received).toEqual(texts);
      }
    });

    it('keeps the order of all kinds of sends, corked or not', async () => {
      const { policy } = make();
      const opened = deferred<WebSocketConnection>();
      const { port } = closing(
        await policy.listenHttp(SOCKET_OPTIONS, {
          request: (_request, response) => response.send(404, {}),
          upgrade: (_request, upgrade) =>
            upgrade.accept({
              open(socket) {
                opened.resolve(socket);
                return { message() {}, close() {} };
              },
            }),
        }),
      );
      const ws = openWebSocket(port);
      const received: string[] = [];
      ws.on('message', (data) => received.push(String(data)));
      const socket = await opened.promise;
      const expected: string[] = [];
      const send = (i: number): void => {
        const text = `${i} ${'y'.repeat((i * 37) % 3000)}`;
        expected.push(text);
        if (i % 2 === 0) socket.sendPrepared(policy.prepareText(text));
        else socket.sendBinary(Buffer.from(text));
      };
      for (let i = 0; i < 10; i++) send(i);
      socket.cork(() => {
        for (let i = 10; i < 500; i++) send(i);
        socket.cork(() => send(500));
      });
      send(501);
      await eventually(() => received.length === expected.length);
      expect(received).toEqual(expected);
    });

    it('pings and hears the pong, and answers the pings of its peer', async () => {
      const ponged = deferred();
      const { port } = await listen((socket) => {
        socket.ping();
        return { pong: ponged.resolve };
      });
      const ws = openWebSocket(port);
      await ponged.promise;
      ws.ping('payload');
      expect(String((await once(ws, 'pong'))[0])).toBe('payload');
    });

    it.each([
      [1000, 'done'],
      [4321, 'grün'],
    ])('closes with code %i and a reason that the peer gets', async (code, reason) => {
      const end = deferred<[number, string]>();
      const { port } = await listen((socket) => {
        setTimeout(() => socket.close(code, reason), 5);
        return { close: (...how) => end.resolve(how) };
      });
      expect(await closed(openWebSocket(port))).toEqual([code, reason]);
      expect(await end.promise).toEqual([code, reason]);
    });

    it.each([
      ['a code and a reason', (ws: WebSocket) => ws.close(4001, 'bye'), 4001, 'bye'],
      ['no code', (ws: WebSocket) => ws.close(), 1005, ''],
      ['no close frame', (ws: WebSocket) => ws.terminate(), 1006, ''],
    ])('tells of a peer that closes with %s', async (_how, close, code, reason) => {
      const end = deferred<[number, string]>();
      const { port } = await listen(() => ({ close: (...how) => end.resolve(how) }));
      const ws = openWebSocket(port);
      await once(ws, 'open');
      close(ws);
      expect(await end.promise).toEqual([code, reason]);
    });

    it('cuts without a close frame on terminate', async () => {
      const end = deferred<[number, string]>();
      const { port } = await listen((socket) => {
        setTimeout(() => socket.terminate(), 5);
        return { close: (...how) => end.resolve(how) };
      });
      expect((await closed(openWebSocket(port)))[0]).toBe(1006);
      expect(await end.promise).toEqual([1006, '']);
    });

    it('sends what is buffered before the close frame', async () => {
      const big = make().policy.prepareText('z'.repeat(60_000));
      const { port } = await listen((socket) => {
        for (let i = 0; i < 200; i++) socket.sendPrepared(big);
        socket.close(1001, '');
        return {};
      });
      const ws = openWebSocket(port);
      let messages = 0;
      ws.on('message', () => messages++);
      expect(await closed(ws)).toEqual([1001, '']);
      expect(messages).toBe(200);
    });

    it('ignores every call after the end, and calls close exactly once, not from within', async () => {
      const ends: number[] = [];
      const opened = deferred<WebSocketConnection>();
      const { port } = await listen((socket) => {
        opened.resolve(socket);
        return { close: (code) => ends.push(code) };
      });
      const ws = openWebSocket(port);
      const socket = await opened.promise;
      await once(ws, 'open');
      socket.close(1000, '');
      expect(ends).toEqual([]);
      socket.close(1001, '');
      await closed(ws);
      await eventually(() => ends.length > 0);
      const text = make().policy.prepareText('x');
      socket.sendPrepared(text);
      socket.sendBinary(Buffer.from('x'));
      socket.ping();
      socket.cork(() => void socket.sendPrepared(text));
      socket.close(1000, '');
      socket.terminate();
      expect(socket.bufferedBytes).toBe(0);
      await new Promise((resolve) => setImmediate(resolve));
      expect(ends).toEqual([1000]);
    });

    it('counts what waits to leave, says when it is gone, and drops none of it', async () => {
      const opened = deferred<WebSocketConnection>();
      const drained = deferred();
      const { port } = await listen((socket) => {
        opened.resolve(socket);
        return { drain: drained.resolve };
      });
      const ws = openWebSocket(port);
      await once(ws, 'open');
      ws.pause();
      const socket = await opened.promise;
      expect(socket.bufferedBytes).toBe(0);
      const chunk = pattern(1024 * 1024);
      let sent = 0;
      while (socket.bufferedBytes < 4 * chunk.length) {
        socket.sendBinary(chunk);
        sent++;
      }
      const before = socket.bufferedBytes;
      socket.sendBinary(chunk);
      sent++;
      expect(socket.bufferedBytes - before).toBe(chunk.length + 10);
      let received = 0;
      ws.on('message', (data) => {
        if ((data as Buffer).equals(chunk)) received++;
      });
      ws.resume();
      await drained.promise;
      expect(socket.bufferedBytes).toBe(0);
      await eventually(() => received === sent);
    });

    it('tells of each drain, also of a little', async () => {
      const opened = deferred<WebSocketConnection>();
      let drains = 0;
      const { port } = await listen((socket) => {
        opened.resolve(socket);
        return { drain: () => drains++ };
      });
      const ws = openWebSocket(port);
      await once(ws, 'open');
      const socket = await opened.promise;
      for (let round = 1; round <= 3; round++) {
        ws.pause();
        // In small steps, so that what waits in the end is less than any buffer's high-water mark.
        while (socket.bufferedBytes === 0) socket.cork(() => socket.sendBinary(Buffer.alloc(1000)));
        ws.resume();
        await eventually(() => drains === round);
        expect(socket.bufferedBytes).toBe(0);
      }
    });

    it.each(['open', 'message', 'drain', 'pong'])(
      'cuts only the connection whose %s callback throws',
      async (where) => {
        const defects: string[] = [];
        const fail = (here: string): void => {
          if (here === where) throw new Error('on purpose');
        };
        const { port } = await listen(
          (socket) => {
            fail('open');
            if (where === 'drain') socket.sendBinary(Buffer.alloc(32 * 1024 * 1024));
            socket.ping();
            return { message: () => fail('message'), drain: () => fail('drain'), pong: () => fail('pong') };
          },
          { onDefect: (error, place) => void defects.push(`${place}: ${String(error)}`) },
        );
        const ws = openWebSocket(port);
        ws.once('open', () => ws.send('x'));
        expect((await closed(ws))[0]).toBe(1006);
        expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('plain');
        expect(defects).toEqual([`websocket ${where}: Error: on purpose`]);
      },
    );
  });
}

function echo(policy: LoopPolicy, socket: WebSocketConnection, bytes: Uint8Array, binary: boolean): void {
  if (binary) socket.sendBinary(bytes);
  else socket.sendPrepared(policy.prepareText(Buffer.from(bytes).toString()));
}
