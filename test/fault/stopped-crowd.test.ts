import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { metric } from '../support/metrics.js';
import { POLICIES } from '../support/policies.js';
import { holding, openCrowd } from '../support/readers.js';
import { startServer, type TestServer } from '../support/server.js';

const STOPPED = 1_000;
const GOOD = 1_000;
/** Enough where numbers are not the matter. */
const SOME = 50;
const OUTBOX = 64 * 1024;
const BULK = 64 * 1024;
/** Of the event topic: fewer than are missed. */
const HISTORY = 5;
/**
 * Versions that the good ones get, each time without and with the stopped ones. As many bulk versions, made when all
 * outboxes are full, would show well beside what is allowed.
 */
const ROUNDS = 30;
const MEBI = 1024 * 1024;
const SECOND = 1_000;

describe.each(POLICIES)('a thousand readers that stop on %s', (loop) => {
  const start = (limits = {}) =>
    startServer({
      loop,
      // However long a busy machine takes for it, nobody is dropped for what the test is not about.
      heartbeat: '10m',
      topics: [
        { topic: 'board' },
        { topic: 'bulk' },
        { topic: 'log', kind: 'event', history: { count: HISTORY } },
      ],
      limits: { outboxBytes: OUTBOX, slowTimeout: '10m', ...limits },
    });
  const crowdOf = ({ headwater }: TestServer, readers: number, topics: string[]) =>
    openCrowd({
      port: headwater.listeners[0]!.port,
      websockets: readers / 2,
      streams: readers / 2,
      topics,
    });

  it('do not hold up a thousand good ones, cost a bounded outbox, and end with the exact values', {
    timeout: 300 * SECOND,
  }, async () => {
    const server = await start();
    const [board, bulk, log] = [
      server.headwater.topic('board'),
      server.headwater.topic('bulk'),
      server.headwater.topic('log', 'event'),
    ];
    let version = 0;
    const commitBoard = () => board.set({ n: ++version, same: { a: 1, b: 'x'.repeat(100) } });
    let bulkVersion = 0;
    const commitBulk = () => {
      bulkVersion += 1;
      bulk.set({ n: bulkVersion, text: `${bulkVersion}`.padEnd(BULK, 'x') });
      log.append({ n: bulkVersion });
    };
    commitBoard();
    const good = await crowdOf(server, GOOD, ['board']);
    const stopped = await crowdOf(server, STOPPED, ['board', 'bulk', 'log']);

    /**
     * Rounds in which all good ones get a version; the next one is made only then. `cost` is what this process used of
     * the processor for one (the median), which others on the machine do not change; `duration` what one took (the lower
     * quartile).
     */
    async function rounds(between: () => void): Promise<{ cost: number; duration: number }> {
      const costs: number[] = [];
      const durations: number[] = [];
      for (let n = 0; n < ROUNDS; n++) {
        between();
        const before = process.cpuUsage();
        const began = performance.now();
        commitBoard();
        await good.reached('board', version);
        durations.push(performance.now() - began);
        const { user, system } = process.cpuUsage(before);
        costs.push(user + system);
      }
      return { cost: quantile(costs, 1 / 2), duration: quantile(durations, 1 / 4) };
    }

    const alone = await rounds(() => {});
    await stopped.pause();
    const before = process.memoryUsage().rss;
    // What the kernel takes for each differs by machine: until all outboxes are full.
    await expect
      .poll(
        async () => {
          commitBulk();
          return metric(server, 'congested_connections');
        },
        { timeout: 120 * SECOND, interval: 1 },
      )
      .toBe(STOPPED);
    const beside = await rounds(commitBulk);

    const bound = STOPPED * (OUTBOX + BULK + 1024);
    expect(await metric(server, 'outbox_bytes')).toBeLessThan(bound);
    expect(await metric(server, 'congested_connections')).toBe(STOPPED);
    const grown = process.memoryUsage().rss - before;
    expect(grown).toBeLessThan(bound + 64 * MEBI);
    // Without the cost of the bulk versions themselves it is about 1.
    expect(beside.cost / alone.cost).toBeLessThan(4);
    expect((await good.report()).faults).toEqual([]);

    await stopped.resume();
    await expect
      .poll(async () => (await stopped.report()).holds, { timeout: 120 * SECOND, interval: 100 })
      .toEqual({
        [holding('board', version, board.value)]: STOPPED,
        [holding('bulk', bulkVersion, bulk.value)]: STOPPED,
        [holding('log', bulkVersion, undefined)]: STOPPED,
      });
    // Nobody waits for those who stopped: it is about 0.5, since they read nothing meanwhile. Taken before and after, for
    // what else a machine has to do is no reason to fail.
    const again = await rounds(() => {});
    expect(beside.duration / Math.max(alone.duration, again.duration)).toBeLessThan(10);
    const { faults, closed, gaps } = await stopped.report();
    expect({ faults, closed }).toEqual({ faults: [], closed: 0 });
    expect(gaps).toBe(STOPPED);
    expect(await metric(server, 'congested_connections')).toBe(0);
    expect(await metric(server, 'drops_total')).toBe(0);
  });

  it('are dropped after the slow time-out, and the good ones are not', async () => {
    const server = await start({ slowTimeout: '1s' });
    const good = await crowdOf(server, SOME, ['board']);
    const stopped = await crowdOf(server, SOME, ['bulk']);
    await stopped.pause();
    const bulk = server.headwater.topic('bulk');
    await expect
      .poll(
        async () => {
          bulk.set(`${Math.random()}`.padEnd(4 * BULK));
          return metric(server, 'limit_hits_total{limit="slowTimeout"}');
        },
        { timeout: 60 * SECOND },
      )
      .toBe(SOME);
    server.headwater.topic('board').set('still here');
    await good.reached('board', 1);
    await expect.poll(() => metric(server, 'connections')).toBe(SOME);
    expect((await good.report()).closed).toBe(0);
  });
});

/** The value below which so large a part of them lies. */
function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;
}
