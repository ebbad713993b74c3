import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { HttpHandlers, Listener } from '../../server/loop/policy.js';
import { cleanup, closing, connectRaw, deferred, type MakeLoop } from './loop-client.js';
import { openWebSocket, SOCKET_OPTIONS } from './loop-websocket.js';

const LOCAL = { host: '127.0.0.1', port: 0 };
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const TLS = {
  cert: fileURLToPath(new URL('loop-tls/cert.pem', import.meta.url)),
  key: fileURLToPath(new URL('loop-tls/key.pem', import.meta.url)),
};

const PLAIN: HttpHandlers = {
  request: (_request, response) => response.send(200, {}, 'plain'),
  upgrade: (_request, upgrade) =>
    upgrade.accept({
      open: (socket) => ({ message: (bytes) => socket.sendBinary(bytes), close() {} }),
    }),
};

export function listenerConformance(make: MakeLoop): void {
  const kinds: [string, (port: number) => Promise<Listener>][] = [
    ['TCP', (port) => make().policy.listenTcp({ ...LOCAL, port }, () => ({ data() {} }))],
    ['HTTP', (port) => make().policy.listenHttp({ ...SOCKET_OPTIONS, port }, PLAIN)],
  ];

  describe.each(kinds)('a listener for %s', (_kind, listen) => {
    it('says where it listens', async () => {
      const { host, port } = closing(await listen(0));
      expect(host).toBe('127.0.0.1');
      expect(port).toBeGreaterThan(0);
    });

    it('refuses a port that is in use, by itself or another server', async () => {
      const { port } = closing(await listen(0));
      await expect(listen(port)).rejects.toMatchObject({ code: 'port_in_use' });
      const other = createServer().listen(0, '127.0.0.1');
      cleanup(() => new Promise((resolve) => other.close(resolve)));
      await once(other, 'listening');
      const { port: taken } = other.address() as { port: number };
      const failure = listen(taken);
      await expect(failure).rejects.toMatchObject({ code: 'port_in_use' });
      await expect(failure).rejects.toThrow(`127.0.0.1:${taken}`);
    });

    it('frees its port on close, which may be asked for again and again', async () => {
      const listener = await listen(0);
      await Promise.all([listener.close(), listener.close()]);
      await listener.close();
      listener.stopListening();
      closing(await listen(listener.port));
    });

    it('refuses new connections after stopListening', async () => {
      const listener = closing(await listen(0));
      listener.stopListening();
      listener.stopListening();
      await expect(connectRaw(listener.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });

    it('cuts whatever is open on close', async () => {
      const listener = await listen(0);
      const peers = await Promise.all([connectRaw(listener.port), connectRaw(listener.port)]);
      peers[0]!.send(GET.slice(0, 10));
      await listener.close();
      await Promise.all(peers.map((peer) => peer.closed));
    });
  });

  describe('listeners', () => {
    it('refuses a host that is not this machine', async () => {
      const { policy } = make();
      const options = { ...SOCKET_OPTIONS, host: '192.0.2.1' };
      await expect(policy.listenHttp(options, PLAIN)).rejects.toMatchObject({ code: 'listen_failed' });
      await expect(policy.listenTcp(options, () => ({ data() {} }))).rejects.toMatchObject({
        code: 'listen_failed',
      });
    });

    it('goes on with what is open after stopListening', async () => {
      const listener = closing(await make().policy.listenHttp(SOCKET_OPTIONS, PLAIN));
      const ws = openWebSocket(listener.port);
      await once(ws, 'open');
      listener.stopListening();
      ws.send('still here');
      expect(String((await once(ws, 'message'))[0])).toBe('still here');
    });

    it('on close ends WebSockets, streams, waiting requests and handshakes, and tells each', async () => {
      const told: string[] = [];
      let waiting = 0;
      const allWait = deferred();
      const started = (): void => {
        if (++waiting === 4) allWait.resolve();
      };
      const listener = await make().policy.listenHttp(SOCKET_OPTIONS, {
        request(request, response) {
          response.onAbort(() => told.push(request.path));
          if (request.path === '/stream') response.stream(200, {}).write(Buffer.from('x'));
          started();
        },
        upgrade(request, upgrade) {
          upgrade.onAbort(() => told.push(request.path));
          started();
          if (request.path === '/open') {
            upgrade.accept({ open: () => ({ message() {}, close: (code) => told.push(`open ${code}`) }) });
          }
        },
      });
      const peers = await Promise.all([connectRaw(listener.port), connectRaw(listener.port)]);
      peers[0]!.send(GET.replace('/', '/wait'));
      peers[1]!.send(GET.replace('/', '/stream'));
      const sockets = [openWebSocket(listener.port, '/open'), openWebSocket(listener.port, '/handshake')];
      const ended = sockets.map((ws) => new Promise((resolve) => ws.once('close', resolve)));
      const opened = once(sockets[0]!, 'open');
      await Promise.all([allWait.promise, opened]);
      await listener.close();
      await Promise.all([...ended, ...peers.map((peer) => peer.closed)]);
      expect(told.sort()).toEqual(['/handshake', '/stream', '/wait', 'open 1006']);
    });

    it('may be closed from within a callback', async () => {
      const over = deferred();
      const listener = await make().policy.listenHttp(SOCKET_OPTIONS, {
        ...PLAIN,
        request: () => void listener.close().then(over.resolve),
      });
      const peer = await connectRaw(listener.port);
      peer.send(GET);
      await over.promise;
      await peer.closed;
    });

    it('serves HTTP and WebSockets over TLS', async () => {
      const { port } = closing(await make().policy.listenHttp({ ...SOCKET_OPTIONS, tls: TLS }, PLAIN));
      const peer = await connectRaw(port, { tls: true });
      peer.send(GET);
      await peer.untilText('plain');
      const ws = new WebSocket(`wss://127.0.0.1:${port}/`, { rejectUnauthorized: false });
      cleanup(() => ws.terminate());
      await once(ws, 'open');
      const text = 'secret '.repeat(8000);
      ws.send(text);
      expect(String((await once(ws, 'message'))[0])).toBe(text);
    });

    it('refuses a certificate that it cannot read', async () => {
      const tls = { cert: '/nowhere/cert.pem', key: '/nowhere/key.pem' };
      await expect(make().policy.listenHttp({ ...SOCKET_OPTIONS, tls }, PLAIN)).rejects.toMatchObject({
        code: 'listen_failed',
        message: expect.stringContaining('/nowhere/cert.pem'),
      });
    });
  });
}
