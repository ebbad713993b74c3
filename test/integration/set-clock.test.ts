import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../server/async/clock.js';
import { openEventStream, openWebSocket, type WebSocketClient } from '../support/clients.js';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { startServer, type TestServer } from '../support/server.js';
import { type SettableClock, settableClock } from '../support/settable-clock.js';

const HEARTBEAT = 25_000;
const SLOW = 30_000;
/** How often the server looks at all connections. */
const LOOK = 1_000;
const HOUR = 3_600_000;
const BULK = 'x'.repeat(400_000);
/** An outbox that was full so many looks in a row has no more to hope for from the kernel's buffers. */
const STAYS = 5;

let published = 0;

/** From now on the servers of this process, with all they hold, are on a clock that is stepped by hand. */
function takeClock(): SettableClock {
  const clock = settableClock();
  for (const name of ['now', 'elapsed', 'after'] as const) {
    const spy = vi.spyOn(systemClock, name).mockImplementation(clock[name] as () => never);
    onTestFinished(() => spy.mockRestore());
  }
  return clock;
}

/** A WebSocket that answers a ping only when it is told to. */
async function openSilent({ wsUrl }: TestServer): Promise<WebSocketClient & { pinged(): Promise<unknown> }> {
  const client = await openWebSocket(wsUrl, { autoPong: false });
  await client.inbox.next();
  return { ...client, pinged: () => once(client.socket, 'ping') };
}

/** The same, whose answer to its first ping is due. */
async function openPinged(server: TestServer, clock: SettableClock) {
  const client = await openSilent(server);
  const pinged = client.pinged();
  await clock.advance(HEARTBEAT + LOOK);
  await pinged;
  return client;
}

const oldest = (transport: string) => `{transport="${transport}",quantile="1"}`;

describe.each(POLICIES)('on %s a time of day', (loop) => {
  async function start() {
    const clock = takeClock();
    const server = await startServer({
      loop,
      topics: [{ topic: 'board' }],
      heartbeat: HEARTBEAT,
      limits: { outboxBytes: 50_000, slowTimeout: SLOW },
    });
    return { clock, server };
  }

  async function publish({ headwater }: TestServer, clock: SettableClock): Promise<void> {
    headwater.topic('board').set(`${++published}${BULK}`);
    await clock.runUntilIdle();
  }

  /** Publishes until the outbox of the one reader, who does not read, is full and stays so. */
  async function fill(server: TestServer, clock: SettableClock): Promise<void> {
    for (let fullFor = 0; fullFor < STAYS; ) {
      await publish(server, clock);
      fullFor = (await metric(server, 'congested_connections')) === 1 ? fullFor + 1 : 0;
    }
  }

  async function stopReading(transport: 'websocket' | 'sse', { url, wsUrl }: TestServer): Promise<void> {
    if (transport === 'websocket') {
      const reader = await openWebSocket(wsUrl);
      reader.say({ type: 'subscribe', topic: 'board' });
      await reader.inbox.nextWhere(({ type }) => type === 'subscribed');
      reader.socket.pause();
      return;
    }
    const request = get(`${url}/topics/board`, { headers: { accept: 'text/event-stream' } });
    onTestFinished(() => void request.destroy());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    request.on('error', () => {});
    response.on('error', () => {});
    response.pause();
  }

  it.each(['websocket', 'sse'] as const)(
    'set forth by an hour drops no reader over %s whose outbox has just become full',
    async (transport) => {
      const { clock, server } = await start();
      await stopReading(transport, server);
      await fill(server, clock);
      clock.setForth(HOUR);
      await clock.advance(5 * LOOK);
      expect(await metric(server, 'drops_total')).toBe(0);
      expect(await metric(server, 'connections')).toBe(1);
    },
  );

  it.each(['websocket', 'sse'] as const)(
    'set back by an hour lets no reader over %s linger that takes nothing',
    async (transport) => {
      const { clock, server } = await start();
      await stopReading(transport, server);
      await fill(server, clock);
      clock.setBack(HOUR);
      // The kernel may yet take some more, which counts as the reader's doing: what is published meanwhile fills it.
      const began = clock.elapsed();
      while ((await metric(server, 'drops_total')) === 0 && clock.elapsed() - began < 10 * SLOW) {
        await publish(server, clock);
        await clock.advance(LOOK);
      }
      expect(await metric(server, 'drops_total')).toBe(1);
    },
  );

  it('set forth by an hour drops no reader that is silent for a moment', async () => {
    const { clock, server } = await start();
    const reader = await openPinged(server, clock);
    clock.setForth(HOUR);
    await clock.advance(5 * LOOK);
    expect(await metric(server, 'drops_total')).toBe(0);
    reader.socket.pong();
    // Answered after the pong before it was heard.
    reader.say({ type: 'ping', id: 1 });
    await reader.inbox.nextWhere(({ type }) => type === 'pong');
    const pinged = reader.pinged();
    await clock.advance(HEARTBEAT);
    await pinged;
    expect(await metric(server, 'drops_total')).toBe(0);
  });

  it('set back by an hour lets no dead reader linger', async () => {
    const { clock, server } = await start();
    await openPinged(server, clock);
    clock.setBack(HOUR);
    await clock.advance(HEARTBEAT);
    expect(await metric(server, 'drops_total')).toBe(1);
  });

  it.each(['setForth', 'setBack'] as const)('%s by an hour changes no age and no silence', async (set) => {
    const { clock, server } = await start();
    await openSilent(server);
    await openEventStream(`${server.url}/topics/board`);
    await clock.advance(5_000);
    clock[set](HOUR);
    await clock.advance(5_000);
    for (const transport of ['websocket', 'sse']) {
      expect(await metric(server, `connection_age_seconds${oldest(transport)}`)).toBe(10);
    }
    expect(await metric(server, `connection_silence_seconds${oldest('websocket')}`)).toBe(10);
  });
});
