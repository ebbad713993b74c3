import { describe, expect, it } from 'vitest';
import type { TcpConnection, TcpHandlers } from '../../server/loop/policy.js';
import { closing, connectRaw, deferred, eventually, type MakeLoop, pattern } from './loop-client.js';

const LOCAL = { host: '127.0.0.1', port: 0 };

export function tcpConformance(make: MakeLoop): void {
  describe('TCP', () => {
    const listen = async (accept: (connection: TcpConnection) => TcpHandlers) =>
      closing(await make().policy.listenTcp(LOCAL, accept));

    it('echoes bytes and knows the peer by its IPv4 address', async () => {
      let address = '';
      const { port } = await listen((connection) => {
        address = connection.remoteAddress;
        return { data: (bytes) => void connection.write(bytes) };
      });
      const peer = await connectRaw(port);
      peer.send('hello');
      expect(await peer.untilText('hello')).toBe('hello');
      expect(address).toBe('127.0.0.1');
    });

    it('tells of a half-close and goes on writing until it ends the connection itself', async () => {
      const ended = deferred();
      const over = deferred();
      const { port } = await listen((connection) => ({
        data() {},
        end() {
          ended.resolve();
          connection.write(Buffer.from('after your end'));
          connection.end();
        },
        close: over.resolve,
      }));
      const peer = await connectRaw(port);
      peer.socket.end('last words');
      await ended.promise;
      expect((await peer.closed).toString()).toBe('after your end');
      await over.promise;
    });

    it('goes on reading after it has ended its own side', async () => {
      const all: string[] = [];
      const over = deferred();
      const { port } = await listen((connection) => {
        connection.end();
        return { data: (bytes) => void all.push(Buffer.from(bytes).toString()), close: over.resolve };
      });
      const peer = await connectRaw(port);
      peer.socket.removeAllListeners('end');
      await new Promise((resolve) => peer.socket.once('end', resolve));
      peer.socket.end('still here');
      await over.promise;
      expect(all.join('')).toBe('still here');
    });

    it('counts what the kernel has not taken, says when it is gone, and loses none of it', async () => {
      const sent = pattern(24 * 1024 * 1024);
      const drained = deferred();
      let connection!: TcpConnection;
      const { port } = await listen((accepted) => {
        connection = accepted;
        return { data() {}, drain: drained.resolve };
      });
      const peer = await connectRaw(port, { paused: true });
      await eventually(() => connection !== undefined);
      expect(connection.bufferedBytes).toBe(0);
      expect(connection.write(sent)).toBe(false);
      expect(connection.bufferedBytes).toBeGreaterThan(0);
      peer.socket.resume();
      await drained.promise;
      expect(connection.bufferedBytes).toBe(0);
      const received = await peer.until((all) => all.length >= sent.length);
      expect(received.equals(sent)).toBe(true);
    });

    it('does not overwrite what it has read while it still waits to be written', async () => {
      const { port } = await listen((connection) => ({
        // Never pauses: reads go on while earlier ones wait.
        data: (bytes) => void connection.write(bytes),
      }));
      const sent = pattern(16 * 1024 * 1024, 7);
      const peer = await connectRaw(port, { paused: true });
      const written = new Promise((resolve) => peer.socket.write(sent, resolve));
      await written;
      peer.socket.resume();
      const received = await peer.until((all) => all.length >= sent.length);
      expect(received.equals(sent)).toBe(true);
    });

    it('stops reading while paused and resumes where it stopped', async () => {
      let connection!: TcpConnection;
      const all: Buffer[] = [];
      const length = (): number => all.reduce((sum, each) => sum + each.length, 0);
      const { port } = await listen((accepted) => {
        connection = accepted;
        return {
          data(bytes) {
            all.push(Buffer.from(bytes));
            connection.pause();
          },
        };
      });
      const sent = pattern(4 * 1024 * 1024, 3);
      const peer = await connectRaw(port);
      peer.send(sent);
      await eventually(() => length() > 0);
      const first = length();
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(length()).toBe(first);
      while (length() < sent.length) {
        const before = length();
        connection.resume();
        await eventually(() => length() > before);
      }
      expect(Buffer.concat(all).equals(sent)).toBe(true);
    });

    it('cuts a connection at once when told to, and tells its close', async () => {
      const over = deferred();
      const { port } = await listen((connection) => ({
        data: () => connection.destroy(),
        close: over.resolve,
      }));
      const peer = await connectRaw(port);
      peer.send('x');
      await peer.closed;
      await over.promise;
    });

    it('tells the close of a connection that its peer resets, and may be used after it', async () => {
      const over = deferred();
      let connection!: TcpConnection;
      const { port } = await listen((accepted) => {
        connection = accepted;
        return { data() {}, close: over.resolve };
      });
      const peer = await connectRaw(port);
      await eventually(() => connection !== undefined);
      peer.socket.resetAndDestroy();
      await over.promise;
      expect(connection.write(Buffer.from('late'))).toBe(false);
      connection.pause();
      connection.resume();
      connection.end();
      connection.destroy();
    });

    it('cuts only the connection whose callback throws, and reports it', async () => {
      const defects: string[] = [];
      const { port } = closing(
        await make().policy.listenTcp(
          { ...LOCAL, onDefect: (error, where) => void defects.push(`${where}: ${String(error)}`) },
          (connection) => ({
            data(bytes) {
              if (bytes[0] === 0x21) throw new Error('on purpose');
              connection.write(bytes);
            },
          }),
        ),
      );
      const good = await connectRaw(port);
      const bad = await connectRaw(port);
      bad.send('!');
      await bad.closed;
      good.send('still here');
      await good.untilText('still here');
      expect(defects).toEqual(['tcp data: Error: on purpose']);
    });
  });
}
