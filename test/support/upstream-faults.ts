import { brotliCompressSync, gzipSync } from 'node:zlib';
import { type Answer, json } from './http-upstream.js';

const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20));
const BROTLI_BOMB = brotliCompressSync(Buffer.alloc(64 * 1024 * 1024, 0x20));
/** The beginning of a compressed body. */
export const HALF = gzipSync(`{"text":"${'abc'.repeat(10_000)}"}`).subarray(0, 30);

/** For the upstreams that never end their answer. */
const NO_ANSWER = 'gave no complete answer within 2 s';

/** How long an upstream with a fault is waited for, in ms: only what is about time is to be over by time. */
export function timeoutFor(says: string | RegExp): number {
  return says === NO_ANSWER ? 2_000 : 30_000;
}

/** What an upstream can do wrong, with what the topic then says. */
export const FAULTS: [name: string, answer: Answer, says: string | RegExp][] = [
  ['hangs', () => {}, NO_ANSWER],
  ['hangs after its headers', (_, response) => response.writeHead(200).flushHeaders(), NO_ANSWER],
  [
    'drips its body too slowly',
    (_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    },
    NO_ANSWER,
  ],
  ['resets the connection', (request) => request.socket.resetAndDestroy(), 'cut the connection before'],
  ['closes the connection', (request) => request.socket.end(), 'cut the connection before'],
  ['speaks no HTTP', (request) => request.socket.end('SSH-2.0-OpenSSH_9.6\r\n'), 'sent what is no HTTP'],
  [
    'answers HTML',
    (_, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Log in'),
    'answered HTML, not JSON',
  ],
  ['answers HTML as JSON', json('\n <html>oops</html>'), 'answered HTML, not JSON'],
  ['answers text', json('all is well'), /answered what is no JSON \(Unexpected token 'a'\)$/],
  ['answers nothing', json(''), 'answered an empty body, not JSON'],
  ['answers NaN', json('{"n":NaN}'), /answered what is no JSON \(Unexpected token 'N'\)$/],
  [
    'answers bytes that are no UTF-8',
    json(Buffer.from([0x22, 0xc3, 0x28, 0x22])),
    'answered what is no JSON',
  ],
  ['answers 500', (_, r) => r.writeHead(500).end('{"secret":"stack trace"}'), 'answered with status 500'],
  [
    'answers 404 with a huge page',
    (_, r) => r.writeHead(404).end(Buffer.alloc(8 * 1024 * 1024)),
    'answered with status 404',
  ],
  ['answers 204', (_, r) => r.writeHead(204).end(), 'answered an empty body, not JSON'],
  ['answers 304 unasked', (_, r) => r.writeHead(304).end(), 'answered with status 304'],
  [
    'announces a huge body',
    (_, r) => r.writeHead(200, { 'content-length': 1e12 }).write('['),
    'answered more than 1000000 bytes',
  ],
  [
    'sends a huge body unannounced',
    (_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024, 0x20);
      const pour = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', pour);
      pour();
    },
    'answered more than 1000000 bytes',
  ],
  ['sends a gzip bomb', json(BOMB, { 'content-encoding': 'gzip' }), 'answered more than 1000000 bytes'],
  [
    'sends a brotli bomb',
    json(BROTLI_BOMB, { 'content-encoding': 'br' }),
    'answered more than 1000000 bytes',
  ],
  [
    'breaks off in the middle of gzip',
    json(HALF, { 'content-encoding': 'gzip' }),
    'broke off in the middle of a compressed body',
  ],
  [
    'sends damaged gzip',
    json('{"n":1}', { 'content-encoding': 'gzip' }),
    'sent a compressed body that is damaged',
  ],
  [
    'sends damaged brotli',
    json('{"n":1}', { 'content-encoding': 'br' }),
    'sent a compressed body that is damaged',
  ],
  [
    'sends an encoding nobody asked for',
    json('{"n":1}', { 'content-encoding': 'zstd' }),
    'a content encoding that was not asked for',
  ],
  [
    'truncates a body of announced length',
    (request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"n":', () => request.socket.end());
    },
    'cut the connection before the answer was complete',
  ],
  [
    'truncates a chunked body',
    (request, response) => {
      response.writeHead(200);
      response.write('{"n":1}', () => request.socket.end());
    },
    'cut the connection before the answer was complete',
  ],
  [
    'nests hundreds of thousands of levels',
    json('['.repeat(400_000) + ']'.repeat(400_000)),
    'answered JSON nested deeper than 256 levels',
  ],
  ['redirects to itself', (_, r) => r.writeHead(302, { location: '/q' }).end(), 'redirected in a circle'],
  [
    'redirects in a circle of two',
    (request, r) => r.writeHead(302, { location: request.url === '/q' ? '/p' : '/q' }).end(),
    'redirected in a circle',
  ],
  [
    'redirects without end',
    (request, r) => r.writeHead(302, { location: `${request.url}x` }).end(),
    'redirected more than 5 times',
  ],
  [
    'redirects to another host',
    (_, r) => r.writeHead(301, { location: 'http://other.example/q?key=1' }).end(),
    'redirected to another host, other.example',
  ],
  [
    'redirects to a file',
    (_, r) => r.writeHead(301, { location: 'file:///etc/passwd' }).end(),
    'redirected to another host',
  ],
  ['redirects nowhere', (_, r) => r.writeHead(302).end(), 'redirected without saying where to'],
  [
    'sends endless headers',
    (request) => {
      const { socket } = request;
      socket.write('HTTP/1.1 200 OK\r\n');
      const pour = setInterval(() => socket.write(`x-${'y'.repeat(1_000)}: z\r\n`.repeat(40)), 2);
      socket.on('error', () => {}).on('close', () => clearInterval(pour));
    },
    'sent headers that are too large',
  ],
];
