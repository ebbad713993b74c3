import { describe, expect, it, onTestFinished } from 'vitest';
import type { Headwater } from '../../server/app/app.js';
import type { ConfigInput } from '../../server/config/schema.js';
import { describeWithRedis, startRedis, type TestRedis } from '../support/redis.js';
import { questionTo } from '../support/redis-question.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

type Sinks = NonNullable<NonNullable<ConfigInput['sources']>[number]['sinks']>;

const HOUR = 3_600_000;

/** A server whose one topic counts up, or stands still. */
async function serve(redis: TestRedis, sinks: Sinks, fetch: () => unknown, drainTimeout?: number) {
  return startServer({
    ...(drainTimeout === undefined ? {} : { drainTimeout }),
    redis: { url: redis.url },
    sources: [{ topic: 'board', every: 20, when: 'always', fetch, sinks }],
  });
}

function counter() {
  let n = 0;
  return () => ({ n: ++n });
}

/** What comes first: that a Redis which hangs is given up, or that the server has stopped. */
function firstOf(asked: Awaited<ReturnType<typeof questionTo>>, headwater: Headwater): Promise<string> {
  return Promise.race([asked.givenUp().then(() => 'given up'), headwater.close().then(() => 'stopped')]);
}

describeWithRedis('a topic that is written to Redis', () => {
  it('is kept in a key, which can outlive it for a while', async () => {
    const redis = await startRedis();
    const began = Date.now();
    await serve(redis, [{ redis: { key: 'board', ttl: HOUR } }], () => ({ n: 1 }));
    await until(async () => expect(await redis.client.get('board')).toBe('{"n":1}'));
    expect(await redis.client.pttl('board')).toBeGreaterThan(HOUR / 2);
    await until(async () =>
      expect(Number(await redis.client.get('board:asOf'))).toBeGreaterThanOrEqual(began),
    );
  });

  it('is kept in a field of a hash', async () => {
    const redis = await startRedis();
    await serve(redis, [{ redis: { hash: 'boards', field: 'eu' } }], () => ({ n: 1 }));
    await until(async () => expect(await redis.client.hgetall('boards')).toEqual({ eu: '{"n":1}' }));
  });

  it('is kept in a stream, each value once and in order, up to its cap', async () => {
    const redis = await startRedis();
    await serve(redis, [{ redis: { stream: 'log', cap: 10 } }], counter());
    // The cap is about ten: Redis drops whole blocks of a hundred.
    const firstOf = async () => (await redis.client.xrange('log', '-', '+', 'COUNT', 1))[0]?.[1][1];
    await until(async () => expect(await firstOf()).toMatch(/"n":(?!1\})/));
    const entries = await redis.client.xrange('log', '-', '+');
    expect(entries.length).toBeLessThan(250);
    const seen = entries.map(([, [, json]]) => (JSON.parse(json!) as { n: number }).n);
    expect(seen).toEqual(seen.map((_, i) => seen[0]! + i));
  });

  it('is all there after a stop', async () => {
    const redis = await startRedis();
    const { headwater } = await serve(redis, [{ redis: { key: 'board' } }], counter());
    await until(async () => expect(await redis.client.exists('board')).toBe(1));
    await headwater.close();
    const { value } = headwater.topic('board');
    expect(JSON.parse((await redis.client.get('board'))!)).toEqual(value);
  });

  it('is loaded from it at the next start, the newest of its places first', async () => {
    const redis = await startRedis();
    await redis.client.mset({ board: '{"n":1}', 'board:asOf': 1_700_000_000_000 });
    await redis.client.hset('boards', 'eu', '{"n":2}');
    await redis.client.hset('boards:asOf', 'eu', 1_600_000_000_000);
    const sinks = [{ redis: { hash: 'boards', field: 'eu' } }, { redis: { key: 'board' } }];
    const hang = () => new Promise(() => {});
    const { headwater } = await serve(redis, sinks, hang);
    const updates: unknown[] = [];
    headwater.topic('board').subscribe(({ value, asOf, stale }) => updates.push({ value, asOf, stale }));
    expect(updates).toEqual([
      {
        value: { n: 1 },
        asOf: new Date(1_700_000_000_000),
        stale: `loaded from the key board in ${redis.label}, not yet refreshed`,
      },
    ]);
  });

  it('is read back by the source of another server: a structure in memory, loaded again each interval', async () => {
    const redis = await startRedis();
    await serve(redis, [{ redis: { key: 'board' } }], counter());
    const reader = await startServer({
      redis: { url: redis.url },
      sources: [{ topic: 'copy', every: 50, when: 'always', fetch: { redis: { key: 'board' } } }],
    });
    const versions: unknown[] = [];
    reader.headwater.topic('copy').subscribe(({ value }) => versions.push(value));
    await until(() => expect(versions.length).toBeGreaterThan(5));
  });
});

describeWithRedis('while Redis is down', () => {
  const BREAKS: [string, (redis: TestRedis) => unknown, (redis: TestRedis) => unknown][] = [
    ['killed, and started again empty', (redis) => redis.kill(), (redis) => redis.start()],
    ['stopped, and goes on', (redis) => redis.freeze(), (redis) => redis.thaw()],
  ];

  it.each(BREAKS)(
    'delivery goes on, and the newest value arrives after Redis was %s',
    async (_n, breakIt, mend) => {
      const redis = await startRedis();
      onTestFinished(redis.thaw);
      let n = 0;
      let counting = true;
      const { headwater } = await serve(redis, [{ redis: { key: 'board' } }], () => (counting ? ++n : n));
      const topic = headwater.topic('board');
      await until(async () => expect(await redis.client.get('board')).not.toBeNull());
      await breakIt(redis);
      const { version } = topic;
      await until(() => expect(topic.version).toBeGreaterThan(version + 20));
      counting = false;
      await mend(redis);
      await until(async () => expect(await redis.client.get('board')).toBe(String(topic.value)));
    },
  );

  it('a value that does not change is there again in a Redis that lost it', async () => {
    const redis = await startRedis();
    await serve(redis, [{ redis: { key: 'board' } }], () => 1);
    await until(async () => expect(await redis.client.get('board')).toBe('1'));
    await redis.kill();
    await redis.start();
    await until(async () => expect(await redis.client.get('board')).toBe('1'));
  });

  it('a stream gets what waited, in order and without a hole', async () => {
    const redis = await startRedis();
    const { headwater } = await serve(redis, [{ redis: { stream: 'log' } }], counter());
    await until(async () => expect(await redis.client.xlen('log')).toBeGreaterThan(3));
    await redis.kill();
    const { version } = headwater.topic('board');
    await until(() => expect(headwater.topic('board').version).toBeGreaterThan(version + 20));
    await redis.start();
    await until(async () => expect(await redis.client.xlen('log')).toBeGreaterThan(20));
    const seen = (await redis.client.xrange('log', '-', '+')).map(([, [, json]]) => JSON.parse(json!).n);
    const distinct = [...new Set(seen)];
    expect(distinct).toEqual(distinct.map((_, i) => distinct[0] + i));
  });

  it('the server starts, and stops within a bound of its own', async () => {
    const redis = await startRedis({ running: false });
    const hanging = await startRedis();
    onTestFinished(hanging.thaw);
    const { headwater } = await serve(redis, [{ redis: { key: 'board' } }], counter(), HOUR);
    await until(() => expect(headwater.topic('board').version).toBeGreaterThan(2));
    const asked = await questionTo(hanging);
    hanging.freeze();
    expect(await firstOf(asked, headwater)).toBe('stopped');
  });

  it('a stop does not wait until a Redis that hangs is given up', async () => {
    const redis = await startRedis();
    onTestFinished(redis.thaw);
    const { headwater } = await serve(redis, [{ redis: { key: 'board' } }], counter(), HOUR);
    await until(async () => expect(await redis.client.exists('board')).toBe(1));
    const asked = await questionTo(redis);
    redis.freeze();
    expect(await firstOf(asked, headwater)).toBe('stopped');
  });
});

describe('a Redis that refuses', () => {
  describeWithRedis('with another type at the key', () => {
    it('is told of, and does not disturb the other sinks', async () => {
      const redis = await startRedis();
      await redis.client.sadd('boards', 'x');
      const sinks = [{ redis: { hash: 'boards', field: 'eu' } }, { redis: { key: 'board' } }];
      const { url } = await serve(redis, sinks, counter());
      await until(async () => expect(await redis.client.get('board')).toMatch(/"n"/));
      const metrics = async () => (await fetch(`${url}/metrics`)).text();
      await until(async () => expect(await metrics()).toMatch(/^headwater_failing_sinks 1$/m));
    });
  });
});
