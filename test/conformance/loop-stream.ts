import { describe, expect, it } from 'vitest';
import type { HttpHandlers, ResponseStream } from '../../server/loop/policy.js';
import {
  closing,
  connectRaw,
  dechunkBytes,
  deferred,
  eventually,
  type MakeLoop,
  pattern,
} from './loop-client.js';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const SSE = { 'content-type': 'text/event-stream' };

export function streamConformance(make: MakeLoop): void {
  describe('streaming responses', () => {
    const listen = async (request: HttpHandlers['request'], defects: string[] = []) =>
      closing(
        await make().policy.listenHttp(
          {
            host: '127.0.0.1',
            port: 0,
            maxMessageBytes: 1024,
            onDefect: (error, where) => void defects.push(`${where}: ${String(error)}`),
          },
          { request, upgrade: (_request, upgrade) => upgrade.refuse(404, {}) },
        ),
      );
    const openStream = async (defects: string[] = [], paused = false) => {
      const opened = deferred<ResponseStream>();
      const aborted = deferred();
      let aborts = 0;
      const { port } = await listen((_request, response) => {
        response.onAbort(() => {
          aborts++;
          aborted.resolve();
        });
        const stream = response.stream(200, SSE);
        stream.write(Buffer.from('first\n'));
        opened.resolve(stream);
      }, defects);
      const peer = await connectRaw(port, { paused });
      peer.send(GET);
      return { peer, stream: await opened.promise, aborted: aborted.promise, aborts: () => aborts };
    };

    it('sends headers and each chunk as they are written', async () => {
      const { peer, stream } = await openStream();
      expect(await peer.untilText('first\n')).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*text\/event-stream\r\n/);
      stream.write(Buffer.from('second\n'));
      await peer.untilText('second\n');
      expect(stream.bufferedBytes).toBe(0);
    });

    it('completes the answer on end, and the connection takes the next request', async () => {
      const { port } = await listen((request, response) => {
        const stream = response.stream(200, SSE);
        stream.write(Buffer.from(`of ${request.path};`));
        stream.end();
        stream.end();
        stream.write(Buffer.from('too late'));
      });
      expect(await (await fetch(`http://127.0.0.1:${port}/a`)).text()).toBe('of /a;');
      const peer = await connectRaw(port);
      peer.send(GET.replace('/', '/b'));
      await peer.untilText(/of \/b;\r\n0\r\n\r\n$/);
      peer.send(GET.replace('/', '/c'));
      await peer.untilText(/of \/c;\r\n0\r\n\r\n$/);
    });

    it('streams no body to HEAD', async () => {
      const { port } = await listen((_request, response) => {
        const stream = response.stream(200, SSE);
        stream.write(Buffer.from('body'));
        stream.end();
      });
      const peer = await connectRaw(port);
      peer.send('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n');
      await peer.untilText(/\r\n\r\n$/);
      peer.send('HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
      const all = (await peer.closed).toString();
      expect(all.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2);
      expect(all).not.toContain('body');
    });

    it('keeps the order of many writes, corked or not', async () => {
      const { peer, stream } = await openStream();
      const expected: string[] = [];
      const write = (text: string): void => {
        expected.push(text);
        stream.write(Buffer.from(text));
      };
      write('a1;');
      stream.cork(() => {
        for (let i = 0; i < 2000; i++) write(`corked ${i};`);
        stream.cork(() => write('nested;'));
      });
      write('last;');
      stream.end();
      await peer.untilText(/\r\n0\r\n\r\n$/);
      expect(dechunk(peer.bytes())).toBe(`first\n${expected.join('')}`);
    });

    it('counts what waits to leave, says when it is gone, and drops none of it', async () => {
      const { peer, stream } = await openStream([], true);
      const chunk = pattern(256 * 1024, 11);
      let chunks = 0;
      const fill = (): void => {
        do chunks++;
        while (stream.write(chunk) && chunks < 1000);
      };
      fill();
      for (let more = 0; more < 8; more++, chunks++) expect(stream.write(chunk)).toBe(false);
      expect(stream.bufferedBytes).toBeGreaterThan(8 * chunk.length - 1);
      expect(stream.bufferedBytes).toBeLessThan(16 * chunk.length);
      let drains = 0;
      const twice = deferred();
      stream.onDrain(() => {
        drains++;
        if (stream.bufferedBytes !== 0) throw new Error('drained, but not empty');
        if (drains === 2) twice.resolve();
        else fill();
      });
      peer.socket.resume();
      await eventually(() => drains > 0);
      await twice.promise;
      stream.end();
      await peer.until((all) => all.subarray(-7).toString('latin1') === '\r\n0\r\n\r\n');
      const body = dechunkBytes(peer.bytes()).subarray('first\n'.length);
      expect(body.length).toBe(chunks * chunk.length);
      for (let i = 0; i < chunks; i++) {
        expect(body.subarray(i * chunk.length, (i + 1) * chunk.length).equals(chunk)).toBe(true);
      }
    });

    it('sends all that is buffered before it completes the answer', async () => {
      const { peer, stream } = await openStream([], true);
      const chunk = pattern(8 * 1024 * 1024, 13);
      stream.write(chunk);
      stream.write(chunk);
      stream.end();
      peer.socket.resume();
      await peer.until((all) => all.subarray(-7).toString('latin1') === '\r\n0\r\n\r\n');
      const body = dechunkBytes(peer.bytes()).subarray('first\n'.length);
      expect(body.equals(Buffer.concat([chunk, chunk]))).toBe(true);
    });

    it('tells once when the client leaves; later calls do nothing', async () => {
      const { peer, stream, aborted, aborts } = await openStream();
      await peer.untilText('first');
      peer.socket.destroy();
      await aborted;
      stream.write(Buffer.from('x'));
      stream.cork(() => stream.write(Buffer.from('y')));
      stream.end();
      stream.destroy();
      expect(stream.bufferedBytes).toBe(0);
      expect(aborts()).toBe(1);
    });

    it('tells when a client that takes nothing leaves', async () => {
      const { peer, stream, aborted } = await openStream([], true);
      while (stream.write(pattern(1024 * 1024)));
      peer.socket.resetAndDestroy();
      await aborted;
      expect(stream.bufferedBytes).toBe(0);
    });

    it('cuts the connection on destroy and tells no abort', async () => {
      const { peer, stream, aborts } = await openStream();
      await peer.untilText('first');
      stream.destroy();
      stream.destroy();
      await peer.closed;
      expect(aborts()).toBe(0);
    });

    it('cuts only the connection whose drain callback throws, and reports it', async () => {
      const defects: string[] = [];
      const { peer, stream } = await openStream(defects, true);
      stream.onDrain(() => {
        throw new Error('on purpose');
      });
      while (stream.write(pattern(1024 * 1024)));
      peer.socket.resume();
      await peer.closed;
      expect(defects).toEqual(['stream drain: Error: on purpose']);
    });
  });
}

function dechunk(answer: Buffer): string {
  return dechunkBytes(answer).toString();
}
