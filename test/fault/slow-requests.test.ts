import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { AUTHORIZED, startServer, type TestServer } from '../support/server.js';

const EACH = 20;
const DRIP_MS = 250;
const SECOND = 1_000;

const HEAD = 'host: h\r\n';
const PUT = `PUT /topics/scratch HTTP/1.1\r\n${HEAD}authorization: ${AUTHORIZED.authorization}\r\n`;

/** What a slow client sends at once, and then again and again. */
const SLOW: Record<string, { first: string; drip: string }> = {
  'nothing at all': { first: '', drip: '' },
  'half a request line': { first: 'GET /top', drip: '' },
  'headers, byte by byte': { first: `GET / HTTP/1.1\r\n${HEAD}x: `, drip: 'x' },
  'headers, line by line': { first: `GET / HTTP/1.1\r\n${HEAD}`, drip: 'a: b\r\n' },
  'a handshake, line by line': {
    first: `GET /ws HTTP/1.1\r\n${HEAD}upgrade: websocket\r\nconnection: upgrade\r\n`,
    drip: 'a: b\r\n',
  },
  'a body, byte by byte': { first: `${PUT}content-length: 10000\r\n\r\n"`, drip: 'x' },
  'a body, chunk by chunk': { first: `${PUT}transfer-encoding: chunked\r\n\r\n`, drip: '1\r\nx\r\n' },
};

/** uWebSockets.js tells nothing to who is too slow. */
const TOLD = { libuv: '408', uws: 'cut' } as const;

/** Sends slowly until it is cut; resolves with what it was told. */
function drip({ url }: TestServer, { first, drip }: { first: string; drip: string }): Promise<string> {
  const { hostname, port } = new URL(url);
  let timer: NodeJS.Timeout | undefined;
  const socket = connect(Number(port), hostname, () => {
    socket.write(first);
    if (drip !== '') timer = setInterval(() => socket.writable && socket.write(drip), DRIP_MS);
  });
  let told = '';
  socket.on('data', (data) => {
    told += data.toString('latin1');
  });
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  return once(socket, 'close').then(() => {
    clearInterval(timer);
    return told;
  });
}

it('ends clients that take for ever over a request, on both loops, while others go on', {
  timeout: 120 * SECOND,
}, async () => {
  await Promise.all(
    POLICIES.map(async (loop) => {
      const server = await startServer({ loop, topics: [{ topic: 'board' }, { topic: 'scratch' }] });
      const witness = await openWebSocket(server.wsUrl);
      const stream = await openEventStream(`${server.url}/topics/board`);
      witness.say({ type: 'subscribe', topic: 'board' });
      await witness.inbox.nextWhere(({ type }) => type === 'subscribed');
      const ends = Object.entries(SLOW).flatMap(([what, slow]) =>
        Array.from({ length: EACH }, async () => ({ what, told: await drip(server, slow) })),
      );
      server.headwater.topic('board').set('during');
      expect(await witness.inbox.next()).toMatchObject({ value: 'during' });
      expect((await stream.inbox.next()).message).toMatchObject({ value: 'during' });

      const told = new Map<string, Set<string>>();
      for (const end of await Promise.all(ends)) {
        const status = /^HTTP\/1.1 (\d+)/.exec(end.told)?.[1] ?? 'cut';
        told.set(end.what, (told.get(end.what) ?? new Set()).add(status));
      }
      expect(told).toEqual(new Map(Object.keys(SLOW).map((what) => [what, new Set([TOLD[loop]])])));
      server.headwater.topic('board').set('after');
      expect(await witness.inbox.next()).toMatchObject({ value: 'after' });
      expect((await stream.inbox.next()).message).toMatchObject({ value: 'after' });
      expect(await metric(server, 'connections')).toBe(2);
    }),
  );
});
