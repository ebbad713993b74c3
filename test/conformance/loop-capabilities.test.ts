import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { libuv } from '../../server/loop/libuv.js';
import type { HttpHandlers, LoopPolicy } from '../../server/loop/policy.js';
import { uws } from '../../server/loop/uws.js';
import { cleanUp, closing, connectRaw } from './loop-client.js';
import { HANDSHAKE } from './loop-websocket.js';

/** What the contract leaves to a policy: each row asks a running server, and says in a word what it did. */
interface Row {
  readonly capability: string;
  probe(policy: LoopPolicy): Promise<string>;
}

const LIMIT = 1000;
const PEM = {
  cert: fileURLToPath(new URL('./loop-tls/cert.pem', import.meta.url)),
  key: fileURLToPath(new URL('./loop-tls/key.pem', import.meta.url)),
};
const DOCUMENT = fileURLToPath(new URL('../../docs/loop-capabilities.md', import.meta.url));
const HEAD = `# What each loop policy does

Made by the conformance suite (\`test/conformance/loop-capabilities.test.ts\`), which asks a running server of each
policy. All that the suite's other tests hold true is the same on both, and is not listed.

`;

const text = { 'content-type': 'text/plain' };

async function serve(policy: LoopPolicy, options: { tls?: typeof PEM } = {}): Promise<number> {
  const handlers: HttpHandlers = {
    request(request, response) {
      const answer = () => response.send(200, text, `answered ${request.path}`);
      response.onAbort(() => {});
      if (request.path === '/later') setTimeout(answer, 20);
      else answer();
    },
    upgrade: (_request, upgrade) =>
      upgrade.accept({
        open: (socket) => ({
          message: (bytes) =>
            void socket.sendPrepared(policy.prepareText(`echo ${Buffer.from(bytes).toString()}`)),
          close() {},
        }),
      }),
  };
  const address = { host: '127.0.0.1', port: 0, maxMessageBytes: LIMIT };
  return closing(await policy.listenHttp({ ...address, ...options }, handlers)).port;
}

/** All that a server sends back for `request` until it closes the connection, or has answered `enough`. */
async function sent(port: number, request: string | Uint8Array, enough: RegExp): Promise<string> {
  const peer = await connectRaw(port);
  peer.send(request);
  return await Promise.race([
    peer.untilText(enough).catch(() => peer.text()),
    peer.closed.then((bytes) => bytes.toString('latin1')),
  ]);
}

function masked(opcode: number, payload: string): Buffer {
  const body = Buffer.from(payload);
  const length = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 0xff];
  return Buffer.from([opcode, 0x80 | length[0]!, ...length.slice(1), 0, 0, 0, 0, ...body]);
}

/** The close code with which a server answers a frame: of the close frame, or `none`. */
async function closeCode(policy: LoopPolicy, frame: Buffer): Promise<string> {
  const peer = await connectRaw(await serve(policy));
  peer.send(HANDSHAKE);
  await peer.untilText('\r\n\r\n');
  peer.send(frame);
  const all = await peer.closed;
  const frames = all.subarray(all.indexOf('\r\n\r\n') + 4);
  return frames[0] === 0x88 ? `close frame ${frames.readUInt16BE(2)}` : 'cut without a close frame';
}

const said = (answer: string, part: string | RegExp) =>
  typeof part === 'string' ? answer.includes(part) : part.test(answer);
const status = (answer: string) => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'cut without an answer';

const ROWS: Row[] = [
  {
    capability: 'TLS',
    async probe(policy) {
      const peer = await connectRaw(await serve(policy, { tls: PEM }), { tls: true });
      peer.send('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
      return said(await peer.untilText('answered'), '200 OK') ? 'yes' : 'no';
    },
  },
  {
    capability: 'an HTTP/1.0 request',
    async probe(policy) {
      return status(await sent(await serve(policy), 'GET /a HTTP/1.0\r\nHost: h\r\n\r\n', /answered/));
    },
  },
  {
    capability: 'a request target in absolute form',
    async probe(policy) {
      const request = 'GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n';
      return status(await sent(await serve(policy), request, /answered|50\d/));
    },
  },
  {
    capability: 'a request pipelined behind one that is answered later',
    async probe(policy) {
      const request = 'GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n';
      const answer = await sent(await serve(policy), request, /answered \/b/);
      return said(answer, /answered \/later[\s\S]*answered \/b/)
        ? 'answered in turn'
        : 'the connection is cut';
    },
  },
  {
    capability: 'what is no HTTP',
    async probe(policy) {
      const answer = await sent(await serve(policy), 'hello\r\n\r\n', /\r\n\r\n/);
      return status(answer);
    },
  },
  {
    capability: 'header fields of 80 KiB',
    async probe(policy) {
      const request = `GET /a HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(80 * 1024)}\r\n\r\n`;
      return status(await sent(await serve(policy), request, /\r\n\r\n/));
    },
  },
  {
    capability: 'a frame in one segment with the handshake',
    async probe(policy) {
      const early = Buffer.concat([Buffer.from(HANDSHAKE), masked(0x81, 'early')]);
      const peer = await connectRaw(await serve(policy));
      peer.send(early);
      await peer.untilText('\r\n\r\n');
      peer.send(masked(0x81, 'late'));
      return said(await peer.untilText('echo late'), 'echo early') ? 'taken' : 'dropped';
    },
  },
  { capability: 'a reserved opcode', probe: (policy) => closeCode(policy, masked(0x83, 'x')) },
  {
    capability: 'text that is not UTF-8',
    probe: (policy) => closeCode(policy, Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28])),
  },
  {
    capability: 'a message of one byte over the limit',
    probe: (policy) => closeCode(policy, masked(0x82, 'x'.repeat(LIMIT + 1))),
  },
  {
    capability: 'a message of three times the limit',
    probe: (policy) => closeCode(policy, masked(0x82, 'x'.repeat(3 * LIMIT))),
  },
  {
    capability: 'compression (permessage-deflate), where the client offers it',
    async probe(policy) {
      const offer = HANDSHAKE.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n');
      const answer = await sent(await serve(policy), offer, /\r\n\r\n/);
      return said(answer, /permessage-deflate/i) ? 'agreed' : 'declined';
    },
  },
];

describe('the capability table', () => {
  afterEach(cleanUp);

  it('says what servers of both policies do', async () => {
    const lines = ['| asked | libuv | uws |', '|---|---|---|'];
    for (const { capability, probe } of ROWS) {
      lines.push(`| ${capability} | ${await probe(libuv())} | ${await probe(uws())} |`);
    }
    await expect(`${HEAD}${lines.join('\n')}\n`).toMatchFileSnapshot(DOCUMENT);
  });
});
