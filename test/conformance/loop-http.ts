import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { HttpHandlers, HttpListenOptions, HttpRequest } from '../../server/loop/policy.js';
import { HeadwaterError } from '../../shared/errors.js';
import { closing, connectRaw, deferred, type MakeLoop, pattern } from './loop-client.js';
import { HANDSHAKE } from './loop-websocket.js';

const OPTIONS: HttpListenOptions = { host: '127.0.0.1', port: 0, maxMessageBytes: 64 * 1024 };
/** Of some bytes each: fewer than either policy may refuse by their number. */
const MANY_HEADERS = 95;
const TEXT = { 'content-type': 'text/plain' };

export function httpConformance(make: MakeLoop): void {
  describe('HTTP', () => {
    const listen = async (request: HttpHandlers['request'], options: Partial<HttpListenOptions> = {}) =>
      closing(
        await make().policy.listenHttp(
          { ...OPTIONS, ...options },
          { request, upgrade: (_request, upgrade) => upgrade.refuse(404, {}) },
        ),
      );

    it('carries method, path, query, headers and address as they were sent, to be kept', async () => {
      const kept = deferred<HttpRequest>();
      const { port } = await listen((request, response) => {
        setImmediate(() => {
          kept.resolve(request);
          response.send(200, TEXT, 'ok');
        });
      });
      const peer = await connectRaw(port);
      peer.send(
        'PROPFIND /a%20b/c?x=1&y=%2F HTTP/1.1\r\nHost: h\r\nX-Many: 1\r\nX-Many: 2\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n',
      );
      const request = await kept.promise;
      expect(request.method).toBe('PROPFIND');
      expect(request.path).toBe('/a%20b/c');
      expect(request.query).toBe('x=1&y=%2F');
      expect(request.header('x-many')).toBe('1, 2');
      expect(request.header('cookie')).toBe('a=1; b=2');
      expect(request.header('x-none')).toBeUndefined();
      expect(request.remoteAddress).toBe('127.0.0.1');
      await peer.untilText('ok');
    });

    it('answers one request after another on one connection, with the length of each', async () => {
      const { port } = await listen((request, response) =>
        response.send(200, TEXT, `you asked for ${request.path}`),
      );
      const peer = await connectRaw(port);
      peer.send('GET /one HTTP/1.1\r\nHost: h\r\n\r\n');
      expect(await peer.untilText('/one')).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*content-length: 18\r\n/i);
      peer.send('GET /two HTTP/1.1\r\nHost: h\r\n\r\n');
      await peer.untilText('/two');
      peer.send('GET /three HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
      expect((await peer.closed).toString()).toMatch(/\/three$/);
    });

    it('answers HEAD with the length and no body, and the connection lives on', async () => {
      const { port } = await listen((_request, response) => response.send(200, TEXT, 'five!'));
      const peer = await connectRaw(port);
      peer.send('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n');
      expect(await peer.untilText(/\r\n\r\n$/)).toMatch(/content-length: 5\r\n/i);
      peer.send('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n');
      await peer.untilText(/(HTTP\/1.1 200 OK[\s\S]*){2}\r\n\r\n$/);
      peer.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      expect((await peer.untilText('five!')).match(/five!/g)).toHaveLength(1);
    });

    it.each([204, 304])('answers %i with neither body nor length', async (status) => {
      const { port } = await listen((_request, response) =>
        response.send(status, { etag: '"a"' }, 'ignored'),
      );
      const peer = await connectRaw(port);
      peer.send('GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
      const all = (await peer.closed).toString();
      expect(all.match(new RegExp(`HTTP/1.1 ${status} `, 'g'))).toHaveLength(2);
      expect(all).not.toMatch(/ignored|content-length|transfer-encoding/i);
      expect(all).toMatch(/etag: "a"\r\n/i);
    });

    it('sends bytes as they are, and large answers whole', async () => {
      const body = pattern(12 * 1024 * 1024, 5);
      const { port } = await listen((_request, response) => response.send(200, {}, body));
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
    });

    it('reads a body, with a length or in chunks, also when asked for it late', async () => {
      const { port } = await listen((request, response) => {
        setTimeout(() => {
          void request.body(1024 * 1024).then((bytes) => response.send(200, TEXT, bytes));
        }, 20);
      });
      const body = pattern(700_000, 9);
      const sized = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
      expect(Buffer.from(await sized.arrayBuffer()).equals(body)).toBe(true);
      const peer = await connectRaw(port);
      peer.send('PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
      peer.send('2\r\nde\r\n0\r\n\r\n');
      expect(await peer.untilText('abcde')).toMatch(/content-length: 5/i);
    });

    it('takes as many headers as their bytes allow, and forgets none', async () => {
      const { port } = await listen((request, response) =>
        response.send(200, TEXT, `the last is ${request.header('if-match')}`),
      );
      const peer = await connectRaw(port);
      peer.send(`GET / HTTP/1.1\r\nHost: h\r\n${'X: 1\r\n'.repeat(MANY_HEADERS)}If-Match: "a"\r\n\r\n`);
      await peer.untilText('the last is "a"');
    });

    it.each([
      ['two lengths', 'Content-Length: 1\r\nContent-Length: 41\r\n'],
      ['a list of lengths', 'Content-Length: 1, 41\r\n'],
      ['a length and chunks', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'],
      ['two hosts', 'Host: other\r\nContent-Length: 1\r\n'],
    ])('refuses a request with %s, and reads nothing after it', async (_name, headers) => {
      const asked: string[] = [];
      const { port } = await listen((request, response) => {
        asked.push(request.path);
        response.send(200, TEXT, 'taken');
      });
      const peer = await connectRaw(port);
      peer.send(`PUT /first HTTP/1.1\r\nHost: h\r\n${headers}\r\n1GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n`);
      // uWebSockets.js cannot answer before it reads on, so there the connection ends without a word.
      expect((await peer.closed).toString()).toMatch(/^(HTTP\/1.1 400 (?![\s\S]*HTTP\/1.1)|$)/);
      expect(asked).toEqual([]);
    });

    it('refuses a handshake with two hosts', async () => {
      const asked: string[] = [];
      const { port } = closing(
        await make().policy.listenHttp(OPTIONS, {
          request: (_request, response) => response.send(404, {}),
          upgrade({ path }, upgrade) {
            asked.push(path);
            upgrade.refuse(404, {});
          },
        }),
      );
      const peer = await connectRaw(port);
      peer.send(HANDSHAKE.replace('\r\n\r\n', '\r\nHost: other\r\n\r\n'));
      expect((await peer.closed).toString()).toMatch(/^(HTTP\/1.1 400 |$)/);
      expect(asked).toEqual([]);
    });

    it('gives an empty body where there is none', async () => {
      const { port } = await listen(async (request, response) => {
        response.send(200, TEXT, `[${(await request.body(10)).length}]`);
      });
      expect(await (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })).text()).toBe('[0]');
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('[0]');
    });

    it.each([
      ['with a length', 'Content-Length: 200000\r\n\r\n', pattern(200_000)],
      [
        'in chunks',
        'Transfer-Encoding: chunked\r\n\r\n',
        Buffer.from(`186a0\r\n${'x'.repeat(100_000)}\r\n0\r\n\r\n`),
      ],
    ])('refuses a body over the limit %s, and the connection lives on', async (_how, headers, body) => {
      const { port } = await listen((request, response) => {
        if (request.method === 'GET') response.send(200, TEXT, 'still here');
        else {
          request.body(50_000).then(
            () => response.send(200, TEXT, 'taken'),
            (error) => response.send(413, TEXT, error instanceof HeadwaterError ? error.code : 'other'),
          );
        }
      });
      const peer = await connectRaw(port);
      peer.send(`POST / HTTP/1.1\r\nHost: h\r\n${headers}`);
      peer.send(body);
      expect(await peer.untilText('too_large')).toMatch(/^HTTP\/1.1 413 /);
      peer.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await peer.untilText('still here');
    });

    it('answers without reading a body nobody asked for, and the connection lives on', async () => {
      const { port } = await listen((request, response) => response.send(200, TEXT, `<${request.path}/>`));
      const peer = await connectRaw(port);
      peer.send('POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n');
      peer.send(pattern(1_000_000));
      await peer.untilText('</first/>');
      peer.send('GET /second HTTP/1.1\r\nHost: h\r\n\r\n');
      await peer.untilText('</second/>');
    });

    it('does not swallow a large body that nobody asks for', async () => {
      const asked = deferred();
      const { port } = await listen(async (request, response) => {
        await asked.promise;
        response.send(200, TEXT, `${(await request.body(64 * 1024 * 1024)).length}`);
      });
      const body = pattern(48 * 1024 * 1024);
      const peer = await connectRaw(port);
      peer.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`);
      const sent = new Promise<string>((resolve) => peer.socket.write(body, () => resolve('all of it')));
      const stuck = new Promise<string>((resolve) => setTimeout(resolve, 300, 'held back'));
      expect(await Promise.race([sent, stuck])).toBe('held back');
      asked.resolve();
      await peer.untilText(String(body.length));
    });

    it('rejects the body of a client that goes away', async () => {
      const failed = deferred<unknown>();
      const started = deferred();
      const { port } = await listen((request) => {
        request.body(1000).catch(failed.resolve);
        started.resolve();
      });
      const peer = await connectRaw(port);
      peer.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc');
      await started.promise;
      peer.socket.destroy();
      expect(await failed.promise).toMatchObject({ code: 'aborted' });
    });

    it('tells a client that asks first to go on with its body', async () => {
      const { port } = await listen(async (request, response) => {
        response.send(200, TEXT, await request.body(100));
      });
      const outgoing = httpRequest({
        port,
        host: '127.0.0.1',
        method: 'PUT',
        headers: { expect: '100-continue', 'content-length': 4 },
      });
      outgoing.on('continue', () => outgoing.end('body'));
      outgoing.flushHeaders();
      const answered = deferred<number | undefined>();
      outgoing.on('response', (incoming) => answered.resolve(incoming.resume().statusCode));
      expect(await answered.promise).toBe(200);
    });

    it('tells once of a client that goes away before its answer, which may still be given', async () => {
      const aborted = deferred();
      let aborts = 0;
      const started = deferred();
      const { port } = await listen((_request, response) => {
        response.onAbort(() => {
          aborts++;
          response.send(200, TEXT, 'to nobody');
          aborted.resolve();
        });
        started.resolve();
      });
      const peer = await connectRaw(port);
      peer.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await started.promise;
      peer.socket.destroy();
      await aborted.promise;
      expect(aborts).toBe(1);
    });

    it('tells no abort of an answer that was complete', async () => {
      let aborts = 0;
      const { port } = await listen((_request, response) => {
        response.onAbort(() => aborts++);
        response.send(200, TEXT, 'done');
      });
      const peer = await connectRaw(port);
      peer.send('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
      await peer.closed;
      await fetch(`http://127.0.0.1:${port}/`);
      expect(aborts).toBe(0);
    });

    it('tells once when all of an answer has left, and not while a client is slow to take it', async () => {
      const body = pattern(16 * 1024 * 1024, 3);
      const left: string[] = [];
      const large = deferred();
      const { port } = await listen((request, response) => {
        response.onDone(() => {
          left.push(request.path);
          if (request.path === '/large') large.resolve();
        });
        response.send(200, TEXT, request.path === '/large' ? body : 'small');
      });
      const slow = await connectRaw(port, { paused: true });
      slow.send('GET /large HTTP/1.1\r\nHost: h\r\n\r\n');
      await expect.poll(() => slow.socket.readableLength).toBeGreaterThan(0);
      const other = await connectRaw(port);
      other.send('GET /small HTTP/1.1\r\nHost: h\r\n\r\n');
      await other.untilText('small');
      await expect.poll(() => left).toEqual(['/small']);
      slow.socket.resume();
      await large.promise;
      expect(left).toEqual(['/small', '/large']);
    });

    it('tells of an answer, begun or not, whose client went away', async () => {
      let done = 0;
      const { port } = await listen((request, response) => {
        response.onDone(() => done++);
        if (request.path === '/large') response.send(200, TEXT, pattern(16 * 1024 * 1024, 3));
      });
      for (const path of ['/never', '/large']) {
        const peer = await connectRaw(port, { paused: true });
        peer.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
        if (path === '/large') await expect.poll(() => peer.socket.readableLength).toBeGreaterThan(0);
        peer.socket.destroy();
      }
      await expect.poll(() => done).toBe(2);
    });

    it('tells of a stream when it has ended', async () => {
      const order: string[] = [];
      const { port } = await listen((_request, response) => {
        response.onDone(() => order.push('done'));
        const stream = response.stream(200, TEXT);
        stream.write(Buffer.from('a line'));
        setImmediate(() => {
          order.push('end');
          stream.end();
        });
      });
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('a line');
      await expect.poll(() => order).toEqual(['end', 'done']);
    });

    it.each([
      ['no request at all', 'hello there\r\n\r\n'],
      ['a header without a colon', 'GET / HTTP/1.1\r\nHost: h\r\nbroken header\r\n\r\n'],
      [
        'both a length and chunks',
        'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
      ],
      ['no host', 'GET / HTTP/1.1\r\n\r\n'],
      ['headers without end', `GET / HTTP/1.1\r\nHost: h\r\nX-Large: ${'x'.repeat(100_000)}\r\n\r\n`],
    ])('refuses %s with an error and cuts only that connection', async (_what, raw) => {
      const { port } = await listen((_request, response) => response.send(200, TEXT, 'fine'));
      const good = await connectRaw(port);
      const bad = await connectRaw(port);
      bad.send(raw);
      expect((await bad.closed).toString()).toMatch(/^HTTP\/1.1 (4\d\d|505) /);
      good.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await good.untilText('fine');
    });

    it('answers a request that offers a protocol it does not speak', async () => {
      const { port } = await listen((_request, response) => response.send(200, TEXT, 'in HTTP/1.1'));
      const peer = await connectRaw(port);
      peer.send(
        'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n',
      );
      expect(await peer.untilText('in HTTP/1.1')).toMatch(/^HTTP\/1.1 200 /);
    });

    it('cuts only the connection whose handler throws, and reports it', async () => {
      const defects: string[] = [];
      const { port } = await listen(
        (request, response) => {
          if (request.path === '/bad') throw new Error('on purpose');
          response.send(200, TEXT, 'fine');
        },
        { onDefect: (error, where) => void defects.push(`${where}: ${String(error)}`) },
      );
      const bad = await connectRaw(port);
      bad.send('GET /bad HTTP/1.1\r\nHost: h\r\n\r\n');
      expect((await bad.closed).length).toBe(0);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('fine');
      expect(defects).toEqual(['http request: Error: on purpose']);
    });

    it('refuses to put a line break into a header, and to answer twice', async () => {
      const errors: unknown[] = [];
      const attempt = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          errors.push(error);
        }
      };
      const { port } = await listen((_request, response) => {
        attempt(() => response.send(200, { 'x-evil': 'a\r\nset-cookie: b' }, 'x'));
        attempt(() => response.send(200, TEXT, 'good'));
        attempt(() => response.send(200, TEXT, 'again'));
      });
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      expect(await answer.text()).toBe('good');
      expect(errors).toHaveLength(2);
    });
  });
}
