import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { libuv } from '../../server/loop/libuv.js';
import { mountHttp } from '../../server/loop/libuv-mount.js';
import type { HttpHandlers, ResponseStream } from '../../server/loop/policy.js';
import { cleanUp, cleanup, closing, connectRaw, deferred, pattern, type RawPeer } from './loop-client.js';

const GET = 'GET /stream HTTP/1.1\r\nHost: h\r\n\r\n';

describe('a stream that has left node:http', () => {
  afterEach(cleanUp);

  const recording = (first: Uint8Array = Buffer.from('first;')) => {
    const requests: string[] = [];
    const opened = deferred<ResponseStream>();
    const aborted = deferred();
    const handlers: HttpHandlers = {
      request(request, response) {
        requests.push(request.path);
        if (request.path !== '/stream') return response.send(200, {}, 'short');
        response.onAbort(aborted.resolve);
        const stream = response.stream(200, { 'content-type': 'text/event-stream' });
        stream.write(first);
        setImmediate(() => opened.resolve(stream));
      },
      upgrade: (_request, upgrade) => upgrade.refuse(404, {}),
    };
    return { requests, handlers, stream: opened.promise, aborted: aborted.promise };
  };
  const open = async (request: string, first?: Uint8Array) => {
    const { handlers, ...told } = recording(first);
    const { port } = closing(
      await libuv().listenHttp({ host: '127.0.0.1', port: 0, maxMessageBytes: 1024 }, handlers),
    );
    const peer = await connectRaw(port);
    peer.send(request);
    return { ...told, peer, stream: await told.stream };
  };

  it('ends its connection with the answer', async () => {
    const { peer, stream } = await open(GET);
    stream.write(Buffer.from('second;'));
    stream.end();
    expect((await peer.closed).toString()).toMatch(/\r\n\r\n6\r\nfirst;\r\n7\r\nsecond;\r\n0\r\n\r\n$/);
  });

  it('makes one chunk of all that is written under a cork', async () => {
    const { peer, stream } = await open(GET);
    stream.cork(() => {
      for (const text of ['a', 'b', 'c']) stream.write(Buffer.from(text));
    });
    await peer.untilText('3\r\nabc\r\n');
  });

  it('leaves later where its first write has to wait', async () => {
    const { peer, stream } = await open(GET, pattern(8 * 1024 * 1024));
    await new Promise<void>((resolve) => stream.onDrain(resolve));
    await new Promise(setImmediate);
    stream.cork(() => {
      for (const text of ['a', 'b', 'c']) stream.write(Buffer.from(text));
    });
    await peer.until((all) => all.subarray(-8).toString() === '3\r\nabc\r\n');
  });

  it('sends an HTTP/1.0 client no chunks', async () => {
    const { peer, stream } = await open('GET /stream HTTP/1.0\r\n\r\n');
    stream.write(Buffer.from('second;'));
    stream.end();
    expect((await peer.closed).toString()).toMatch(/\r\n\r\nfirst;second;$/);
  });

  it('lets a client that closes its side go, as node:http does', async () => {
    const { peer, aborted } = await open(GET);
    peer.socket.end();
    await Promise.all([aborted, peer.closed]);
  });

  it('ignores what comes behind its request, and cuts a client that does not stop', async () => {
    const { peer, stream, requests, aborted } = await open(GET);
    peer.send('GET /behind HTTP/1.1\r\nHost: h\r\n\r\n');
    stream.write(Buffer.from('second;'));
    await peer.untilText('second;');
    expect(requests).toEqual(['/stream']);
    await flood(peer, 100_000);
    await aborted;
    await peer.closed;
  });

  it('drops a request that was pipelined behind its own, as its turn would never come', async () => {
    const { peer, stream } = await open(`${GET}${GET.replace('/stream', '/behind')}`);
    stream.write(Buffer.from('second;'));
    stream.end();
    expect((await peer.closed).toString()).toMatch(/second;\r\n0\r\n\r\n$/);
  });

  it('tells all that were pipelined behind it that the client is gone', async () => {
    const ended: string[] = [];
    const { port } = closing(
      await libuv().listenHttp(
        { host: '127.0.0.1', port: 0, maxMessageBytes: 1024 },
        {
          request(request, response) {
            response.onAbort(() => ended.push(`${request.path} aborted`));
            response.onDone(() => ended.push(`${request.path} done`));
            response.stream(200, {}).write(Buffer.from('first;'));
          },
          upgrade: () => {},
        },
      ),
    );
    const peer = await connectRaw(port);
    peer.send(['/a', '/b', '/c'].map((path) => GET.replace('/stream', path)).join(''));
    await peer.untilText('first;');
    peer.socket.destroy();
    await expect
      .poll(() => ended.toSorted())
      .toEqual(['/a', '/b', '/c'].flatMap((path) => [`${path} aborted`, `${path} done`]));
  });

  it('waits for its turn behind an answer that is not complete', async () => {
    const { handlers, stream } = recording();
    const finish = deferred<() => void>();
    const { port } = closing(
      await libuv().listenHttp(
        { host: '127.0.0.1', port: 0, maxMessageBytes: 1024 },
        {
          ...handlers,
          request(request, response) {
            if (request.path === '/slow') finish.resolve(() => response.send(200, {}, 'slow'));
            else handlers.request(request, response);
          },
        },
      ),
    );
    const peer = await connectRaw(port);
    peer.send(`${GET.replace('/stream', '/slow')}${GET}`);
    const opened = await stream;
    opened.write(Buffer.from('second;'));
    (await finish.promise)();
    opened.end();
    await peer.untilText(/slow[\s\S]+first;[\s\S]+second;\r\n0\r\n\r\n$/);
  });

  it('never happens on the server of an application, whose wrapped writes are used', async () => {
    const { handlers, stream } = recording();
    class Shouting extends ServerResponse<IncomingMessage> {
      override write(chunk: Uint8Array): boolean {
        return super.write(Buffer.from(chunk).toString().toUpperCase());
      }
    }
    const server = createServer({ ServerResponse: Shouting as typeof ServerResponse });
    const mount = mountHttp(server, { prefix: '', maxMessageBytes: 1024 }, handlers);
    cleanup(() => mount.close().then(() => server.close()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const peer = await connectRaw((server.address() as AddressInfo).port);
    peer.send(GET);
    const opened = await stream;
    opened.write(Buffer.from('second;'));
    opened.end();
    expect(await peer.untilText(/0\r\n\r\n$/)).toMatch(/FIRST;[\s\S]+SECOND;/);
    peer.send(GET.replace('/stream', '/next'));
    await peer.untilText('short');
  });
});

/** Sends rubbish until the peer does not take it any more, or `bytes` have left. */
async function flood(peer: RawPeer, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes && !peer.socket.destroyed; sent += 1000) {
    await new Promise<void>((resolve) => peer.socket.write('x'.repeat(1000), () => resolve()));
  }
}
