import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { connect, type Status } from '../../shared/client/index.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { cuttableNetwork, mayMakeNetworks } from '../support/cuttable-network.js';
import { cuttableProxy } from '../support/cuttable-proxy.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { openCrowd } from '../support/readers.js';
import { startServer } from '../support/server.js';

const mayCut = mayMakeNetworks();
if (!mayCut) console.warn('skipped: losing packets takes a network namespace (Linux, iproute2, root)');

/** Long enough that who lives, but has to wait for its turn on a busy machine, is not taken for dead. */
const HEARTBEAT = 1_000;
const READERS = 10;

describe.each(POLICIES)('on %s', (loop) => {
  const start = (more: Parameters<typeof startServer>[0] = {}) =>
    startServer({ loop, topics: [{ topic: 'board' }], heartbeat: `${HEARTBEAT}ms`, ...more });

  it('readers whose process has stopped are found and freed, and those beside them are not', async () => {
    const server = await start();
    const good = await openWebSocket(server.wsUrl);
    const stream = await openEventStream(`${server.url}/topics/board`);
    const dead = await openCrowd({
      port: server.headwater.listeners[0]!.port,
      websockets: READERS,
      streams: 0,
      topics: ['board'],
    });
    expect(await metric(server, 'connections')).toBe(READERS + 2);
    dead.freeze();
    await expect.poll(() => metric(server, 'connections')).toBe(2);
    expect(await metric(server, 'drops_total')).toBe(READERS);
    server.headwater.topic('board').set('still here');
    expect((await stream.inbox.next()).message).toMatchObject({ value: 'still here' });
    good.say({ type: 'ping', id: 1 });
    await good.inbox.nextWhere(({ type }) => type === 'pong');
  });

  it.skipIf(!mayCut)(
    'an event stream whose packets are lost is found and freed, and one beside it is not',
    async () => {
      const network = cuttableNetwork();
      const server = await start({ http: { host: network.host, port: 0 } });
      const good = await openEventStream(`${server.url}/topics/board`);
      const dead = network.start('curl', [
        '-sN',
        '-H',
        'accept: text/event-stream',
        `${server.url}/topics/board`,
      ]);
      await once(dead.stdout!, 'data');
      expect(await metric(server, 'connections')).toBe(2);
      network.cut();
      await expect.poll(() => metric(server, 'connections')).toBe(1);
      server.headwater.topic('board').set('still here');
      expect((await good.inbox.next()).message).toMatchObject({ value: 'still here' });
    },
  );

  it('the age and the silence of every connection are there to see', async () => {
    const server = await start();
    await openWebSocket(server.wsUrl);
    await openEventStream(`${server.url}/topics/board`);
    for (const transport of ['websocket', 'sse']) {
      const oldest = `{transport="${transport}",quantile="1"}`;
      await expect
        .poll(() => metric(server, `connection_age_seconds${oldest}`))
        .toBeGreaterThan((3 * HEARTBEAT) / 1000);
      // However old it is, it has been heard of within the last heartbeats.
      const age = (await metric(server, `connection_age_seconds${oldest}`))!;
      const silence = (await metric(server, `connection_silence_seconds${oldest}`))!;
      expect(silence).toBeLessThan(age);
    }
    expect(await metric(server, 'connection_age_seconds{transport="race",quantile="1"}')).toBeUndefined();
  });

  it.each(['websocket', 'sse'] as const)(
    'the client notices over %s that its server has vanished, and comes back to it',
    async (transport) => {
      const server = await start();
      const board = server.headwater.topic('board');
      board.set('before');
      const proxy = await cuttableProxy(server.url);
      const client = connect(proxy.url, { transport, WebSocket, backoff: { base: 10, max: 50 } });
      onTestFinished(() => client.close());
      const statuses: Status[] = [];
      const values: unknown[] = [];
      client.onStatus((status) => statuses.push(status));
      client.subscribe('board', (update) => update.kind === 'state' && values.push(update.value));
      await expect.poll(() => values).toEqual(['before']);
      const silent = await metric(server, 'connections');
      proxy.swallow();
      board.set('meanwhile');
      await expect.poll(() => values).toEqual(['before', 'meanwhile']);
      expect(statuses.slice(-2)).toEqual(['reconnecting', 'open']);
      // What no longer answers is freed too. Over SSE this one is not: its kernel acknowledges.
      if (transport === 'websocket') await expect.poll(() => metric(server, 'connections')).toBe(silent);
    },
  );
});

it.skipIf(process.platform !== 'linux')(
  'the kernel asks on libuv whether the peer of a quiet connection is there',
  async () => {
    const server = await startServer({ loop: 'libuv', topics: [{ topic: 'board' }] });
    await openEventStream(`${server.url}/topics/board`);
    const port = server.headwater.listeners[0]!.port.toString(16).toUpperCase().padStart(4, '0');
    // https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt: 01 is established, 2 the keep-alive timer.
    const timers = () =>
      readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => local?.endsWith(`:${port}`) && state === '01')
        .map(([, , , , , timer]) => timer);
    // Until the client has acknowledged its answer there is another.
    await expect.poll(timers).toEqual([expect.stringMatching(/^02:/)]);
  },
);
