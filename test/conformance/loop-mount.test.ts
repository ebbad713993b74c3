import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { libuv } from '../../server/loop/libuv.js';
import { mountHttp } from '../../server/loop/libuv-mount.js';
import type { HttpHandlers } from '../../server/loop/policy.js';
import { cleanUp, cleanup, connectRaw, deferred } from './loop-client.js';
import { HANDSHAKE, openWebSocket } from './loop-websocket.js';

const OURS: HttpHandlers = {
  request(request, response) {
    if (request.path === '/stream') response.stream(200, {}).write(Buffer.from('streaming'));
    else response.send(200, {}, `ours ${request.path}?${request.query}`);
  },
  upgrade(request, upgrade) {
    upgrade.accept({
      open(socket) {
        socket.sendPrepared(libuv().prepareText(`ours ${request.path}`));
        return { message() {}, close() {} };
      },
    });
  },
};
const THEIRS: RequestListener = (message, outgoing) => outgoing.end(`theirs ${message.url}`);

describe('a mount on an application’s own server', () => {
  afterEach(cleanUp);
  const serve = async (server: Server): Promise<string> => {
    cleanup(() => {
      server.closeAllConnections();
      server.close();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${portOf(server)}`;
  };
  const text = async (url: string): Promise<string> => (await fetch(url)).text();

  it('takes what is below its prefix, which it cuts off, and leaves the rest', async () => {
    const server = createServer(THEIRS);
    const base = await serve(server);
    const mount = mountHttp(server, { prefix: '/live', maxMessageBytes: 1000 }, OURS);
    cleanup(() => mount.close());
    expect(mount.port).toBe(portOf(server));
    expect(await text(`${base}/live`)).toBe('ours /?');
    expect(await text(`${base}/live?a=b`)).toBe('ours /?a=b');
    expect(await text(`${base}/live/topics/x?c`)).toBe('ours /topics/x?c');
    expect(await text(`${base}/lively`)).toBe('theirs /lively');
    expect(await text(`${base}/`)).toBe('theirs /');
  });

  it('takes everything with an empty prefix', async () => {
    const server = createServer(THEIRS);
    const base = await serve(server);
    const mount = mountHttp(server, { prefix: '', maxMessageBytes: 1000 }, OURS);
    cleanup(() => mount.close());
    expect(await text(`${base}/any`)).toBe('ours /any?');
  });

  it('lives beside an Express application', async () => {
    const app = express();
    app.get('/hello', (_request, response) => void response.send('express'));
    const server = createServer(app);
    const base = await serve(server);
    const mount = mountHttp(server, { prefix: '/live', maxMessageBytes: 1000 }, OURS);
    cleanup(() => mount.close());
    expect(await text(`${base}/hello`)).toBe('express');
    expect(await text(`${base}/live/x`)).toBe('ours /x?');
    const [message] = await once(openWebSocket(portOf(server), '/live/ws'), 'message');
    expect(String(message)).toBe('ours /ws');
  });

  it('leaves handshakes outside its prefix to the application’s own WebSocket server', async () => {
    const server = createServer(THEIRS);
    await serve(server);
    const mount = mountHttp(server, { prefix: '/live', maxMessageBytes: 1000 }, OURS);
    cleanup(() => mount.close());
    const own = new WebSocketServer({ noServer: true });
    own.on('connection', (ws) => ws.send('theirs'));
    server.on('upgrade', (message, socket, head) => {
      if (message.url === '/own')
        own.handleUpgrade(message, socket, head, (ws) => own.emit('connection', ws));
    });
    expect(String((await once(openWebSocket(portOf(server), '/own'), 'message'))[0])).toBe('theirs');
    expect(String((await once(openWebSocket(portOf(server), '/live/ws'), 'message'))[0])).toBe('ours /ws');
  });

  it('gives handshakes outside its prefix to the application as requests, as Node would without it', async () => {
    const server = createServer(THEIRS);
    await serve(server);
    const mount = mountHttp(server, { prefix: '/live', maxMessageBytes: 1000 }, OURS);
    cleanup(() => mount.close());
    const peer = await connectRaw(portOf(server));
    peer.send(HANDSHAKE);
    expect((await peer.closed).toString()).toMatch(/^HTTP\/1.1 200 [\s\S]*theirs \//);
  });

  it('answers 503 after stopListening, and goes on with what is open', async () => {
    const server = createServer(THEIRS);
    const base = await serve(server);
    const mount = mountHttp(server, { prefix: '/live', maxMessageBytes: 1000 }, OURS);
    cleanup(() => mount.close());
    const ws = openWebSocket(portOf(server), '/live/ws');
    await once(ws, 'message');
    mount.stopListening();
    expect((await fetch(`${base}/live/x`)).status).toBe(503);
    expect(await text(`${base}/x`)).toBe('theirs /x');
    const refused = openWebSocket(portOf(server), '/live/ws');
    expect((await once(refused, 'unexpected-response'))[1].statusCode).toBe(503);
    ws.ping();
    await once(ws, 'pong');
  });

  it.each([
    ['is there', false],
    ['has left', true],
  ])(
    'closes though a client that pipelined requests waits for both answers and %s',
    async (_name, leaves) => {
      const server = createServer(THEIRS);
      await serve(server);
      const asked: string[] = [];
      const gone: string[] = [];
      const mount = mountHttp(
        server,
        { prefix: '/live', maxMessageBytes: 1000 },
        {
          ...OURS,
          request({ path }, response) {
            asked.push(path);
            response.onAbort(() => gone.push(path));
          },
        },
      );
      const peer = await connectRaw(portOf(server));
      const paths = ['/one', '/two'];
      for (const path of paths) peer.send(`GET /live${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
      await expect.poll(() => asked).toEqual(paths);
      if (leaves) {
        peer.socket.destroy();
        await expect.poll(() => gone.length).toBe(2);
      }
      await mount.close();
      expect(gone.sort()).toEqual(paths);
      await peer.closed;
    },
  );

  it('refuses two hosts, of which the application’s server shows the first only', async () => {
    const server = createServer(THEIRS);
    await serve(server);
    const mount = mountHttp(server, { prefix: '/live', maxMessageBytes: 1000 }, OURS);
    cleanup(() => mount.close());
    for (const request of ['GET /live HTTP/1.1\r\nHost: h\r\n\r\n', HANDSHAKE.replace(' / ', ' /live/ws ')]) {
      const peer = await connectRaw(portOf(server));
      peer.send(request.replace('\r\n\r\n', '\r\nHost: other\r\n\r\n'));
      expect((await peer.closed).toString()).toMatch(/^HTTP\/1.1 400 /);
    }
  });

  it('on close cuts its own connections only, and gives the server back as it was', async () => {
    const held = deferred<() => void>();
    const slow: RequestListener = (message, outgoing) => {
      if (message.url === '/slow') held.resolve(() => outgoing.end('slow'));
      else THEIRS(message, outgoing);
    };
    const server = createServer(slow);
    const base = await serve(server);
    const mount = mountHttp(server, { prefix: '/live', maxMessageBytes: 1000 }, OURS);
    const ws = openWebSocket(portOf(server), '/live/ws');
    await once(ws, 'message');
    const wsGone = once(ws, 'close');
    const stream = await connectRaw(portOf(server));
    stream.send('GET /live/stream HTTP/1.1\r\nHost: h\r\n\r\n');
    await stream.untilText('streaming');
    const waiting = text(`${base}/slow`);
    const finish = await held.promise;

    await Promise.all([mount.close(), mount.close()]);
    await Promise.all([wsGone, stream.closed]);
    expect(server.listeners('request')).toEqual([slow]);
    expect(server.listenerCount('upgrade')).toBe(0);
    expect(server.listening).toBe(true);
    finish();
    expect(await waiting).toBe('slow');
    expect(await text(`${base}/live`)).toBe('theirs /live');
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
