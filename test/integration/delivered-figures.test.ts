import { expect, it } from 'vitest';
import type { ServerMessage } from '../../shared/messages.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { metric } from '../support/metrics.js';
import { POLICIES, type PolicyName } from '../support/policies.js';
import { startServer } from '../support/server.js';

const BURST = 10;
/** In UTF-8 longer than it is in characters. */
const NAME = 'Zoë 😀';

interface Reader {
  nextWhere(wanted: (message: ServerMessage) => boolean): Promise<unknown>;
  all(): readonly ServerMessage[];
}

/** What a server counts of the same traffic each time, and what its clients got. */
async function figuresOf(loop: PolicyName) {
  const server = await startServer({ loop, topics: [{ topic: 'board' }, { topic: 'log', kind: 'event' }] });
  const { headwater, url, wsUrl } = server;
  const board = headwater.topic('board');
  const log = headwater.topic('log', 'event');
  board.set({ n: 0, name: NAME });
  const socket = await openWebSocket(wsUrl);
  for (const topic of ['board', 'log']) socket.say({ type: 'subscribe', id: 1, topic });
  const stream = await openEventStream(`${url}/sse?topic=board&topic=log`);
  const single = await openEventStream(`${url}/topics/log`);
  const readers: Reader[] = [
    { nextWhere: (wanted) => socket.inbox.nextWhere(wanted), all: () => socket.inbox.all },
    ...[stream, single].map(
      ({ inbox }): Reader => ({
        nextWhere: (wanted) => inbox.nextWhere(({ message }) => wanted(message)),
        all: () => inbox.all.map(({ message }) => message),
      }),
    ),
  ];
  await socket.inbox.nextWhere((message) => message.type === 'subscribed' && message.topic === 'log');

  // Alone, together with another topic, and many of one topic in one flush.
  for (const n of [1, 2]) {
    board.set({ n, name: NAME, pad: 'x'.repeat(300) });
    if (n === 2) for (let index = 0; index < BURST; index++) log.append({ index, name: NAME });
    const isLast = (message: ServerMessage) =>
      (message.type === 'value' || message.type === 'patch') && message.version === n + 1;
    await Promise.all(readers.slice(0, 2).map((reader) => reader.nextWhere(isLast)));
  }
  log.append('the last');
  const isEnd = (message: ServerMessage) => message.type === 'event' && message.version === BURST + 1;
  await Promise.all(readers.map((reader) => reader.nextWhere(isEnd)));

  const got = readers.flatMap((reader) => reader.all());
  return {
    counted: [await metric(server, 'deliveries_total'), await metric(server, 'delivered_bytes_total')],
    got: [got.length, got.reduce((sum, message) => sum + Buffer.byteLength(JSON.stringify(message)), 0)],
  };
}

it('the same traffic gives the same figures on every loop: the messages that clients got, and their bytes', async () => {
  const figures = await Promise.all(POLICIES.map(figuresOf));
  for (const { counted, got } of figures) expect(counted).toEqual(got);
  expect(new Set(figures.map(({ counted }) => String(counted))).size).toBe(1);
});
