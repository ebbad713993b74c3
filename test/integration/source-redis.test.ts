import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../server/async/clock.js';
import { openRedisLinks } from '../../server/source/redis/links.js';
import { type RedisSourceOptions, redisSource } from '../../server/source/redis/redis.js';
import { startRefresher } from '../../server/source/refresher.js';
import { createStore } from '../../server/store/store.js';
import type { Json } from '../../shared/json.js';
import { describeWithRedis, startRedis, type TestRedis } from '../support/redis.js';
import { questionTo } from '../support/redis-question.js';
import { until } from '../support/scripted-servers.js';

type Place = Omit<RedisSourceOptions, 'url'>;

/** A topic that Redis feeds; every hour by default, so that only being told can explain a change. */
function feed(redis: TestRedis, place: Place, every = 3_600_000) {
  const links = openRedisLinks();
  const store = createStore();
  store.declare({ topic: 't', kind: 'state', served: true, history: { count: 10, bytes: 1e6 } });
  const { view } = store.writer('t')!;
  const states: (Json | undefined)[] = [];
  store.onFlush(() => states.push(view.freshness.stale ? `stale: ${view.freshness.error}` : view.value));
  const refresher = startRefresher({
    source: redisSource(links, { ...place, url: redis.url }),
    topic: store.writer('t')!,
    every,
    when: 'always',
    clock: systemClock,
  });
  const close = async () => {
    await refresher.close();
    await links.close();
  };
  onTestFinished(close);
  return {
    states,
    refresher,
    close,
    shows: (state: Json) => until(() => expect(states.at(-1)).toEqual(state)),
  };
}

describeWithRedis('a value in Redis', () => {
  it('is a key, shown at once when it is set', async () => {
    const redis = await startRedis();
    await redis.client.set('board', '{"n":1}');
    const { shows } = feed(redis, { key: 'board' });
    await shows({ n: 1 });
    await redis.client.set('board', '{"n":2}');
    await shows({ n: 2 });
  });

  it('is asked at the interval too', async () => {
    const redis = await startRedis();
    await redis.client.config('SET', 'notify-keyspace-events', '');
    await redis.client.set('board', '1');
    const { shows } = feed(redis, { key: 'board' }, 50);
    await shows(1);
    await redis.client.set('board', '2');
    await shows(2);
  });

  it('turns stale while its key is gone, or is no JSON, or holds something else', async () => {
    const redis = await startRedis();
    const { shows } = feed(redis, { key: 'board' });
    await shows(`stale: the key board in ${redis.label} does not exist`);
    await redis.client.set('board', '[1]');
    await shows([1]);
    await redis.client.set('board', '[1');
    await shows(`stale: the key board in ${redis.label} is no JSON`);
    await redis.client.set('board', '[2]');
    await shows([2]);
    await redis.client.multi().del('board').sadd('board', 'x').exec();
    await shows(`stale: ${redis.label} refused (WRONGTYPE)`);
    await redis.client.set('board', '[1]');
    await shows([1]);
  });

  it('is a hash, whose fields are JSON where they can be', async () => {
    const redis = await startRedis();
    await redis.client.hset('boards', { eu: '{"n":1}', name: 'all boards' });
    const { shows } = feed(redis, { hash: 'boards' });
    await shows({ eu: { n: 1 }, name: 'all boards' });
    await redis.client.hset('boards', 'us', '2');
    await shows({ eu: { n: 1 }, us: 2, name: 'all boards' });
  });

  it('is one field of a hash', async () => {
    const redis = await startRedis();
    await redis.client.hset('boards', { eu: '{"n":1}', us: '{"n":2}' });
    const { shows } = feed(redis, { hash: 'boards', field: 'us' });
    await shows({ n: 2 });
    await redis.client.hdel('boards', 'us');
    await shows(`stale: the field us of the hash boards in ${redis.label} does not exist`);
  });

  it('is the newest entries of a stream', async () => {
    const redis = await startRedis();
    const { shows } = feed(redis, { stream: 'log', count: 2 });
    await shows(`stale: the stream log in ${redis.label} does not exist`);
    await redis.client.xadd('log', '1-0', 'n', '1');
    await shows([{ id: '1-0', fields: { n: 1 } }]);
    await redis.client.xadd('log', '2-0', 'n', '2', 'unit', 'km');
    await redis.client.xadd('log', '3-0', 'n', '3');
    await shows([
      { id: '2-0', fields: { n: 2, unit: 'km' } },
      { id: '3-0', fields: { n: 3 } },
    ]);
  });

  it('is the newest message of a channel', async () => {
    const redis = await startRedis();
    const { shows, states } = feed(redis, { channel: 'news' });
    await until(async () => expect(await redis.client.publish('news', '{"n":0}')).toBe(1));
    await shows({ n: 0 });
    for (let n = 1; n <= 100; n++) void redis.client.publish('news', `{"n":${n}}`);
    await shows({ n: 100 });
    await redis.client.publish('news', 'oops');
    await shows(`stale: a message on the channel news of ${redis.label} is no JSON`);
    await redis.client.publish('news', '{"n":101}');
    await shows({ n: 101 });
    const seen = states.filter((state) => typeof state === 'object') as { n: number }[];
    expect(seen.map(({ n }) => n)).toEqual(seen.map(({ n }) => n).toSorted((a, b) => a - b));
  });
});

describeWithRedis('while Redis is down', () => {
  const PLACES: [string, Place, (redis: TestRedis, n: number) => Promise<unknown>][] = [
    ['a key', { key: 'k' }, ({ client }, n) => client.set('k', n)],
    ['a hash', { hash: 'h' }, ({ client }, n) => client.hset('h', 'n', n)],
    ['a stream', { stream: 's', count: 1 }, ({ client }, n) => client.xadd('s', `${n}-0`, 'n', n)],
  ];
  const value = (place: Place, n: number): Json =>
    place.key ? n : place.hash ? { n } : [{ id: `${n}-0`, fields: { n } }];

  it.each(PLACES)('%s is stale, keeps its value, and recovers at once', async (_name, place, put) => {
    const redis = await startRedis();
    await put(redis, 1);
    const { shows, refresher, states } = feed(redis, place);
    await shows(value(place, 1));
    await redis.kill();
    await until(async () => {
      await refresher.refresh();
      expect(states.at(-1)).toMatch(
        /^stale: \S+ (closed the connection|cannot be reached \(ECONNREFUSED\))$/,
      );
    });
    await redis.start();
    // Empty: what was there is gone, and Redis says so.
    await until(() => expect(String(refresher.state.lastError)).toMatch(/ does not exist$/));
    await put(redis, 2);
    await shows(value(place, 2));
  });

  it.each(PLACES)('%s can be started and appears when Redis does', async (_name, place, put) => {
    const redis = await startRedis({ running: false });
    const { shows } = feed(redis, place);
    await shows(`stale: ${redis.label} cannot be reached (ECONNREFUSED)`);
    await redis.start();
    await put(redis, 1);
    await shows(value(place, 1));
  });

  it('a channel is stale, and heard again afterwards', async () => {
    const redis = await startRedis({ running: false });
    const { shows, refresher, states } = feed(redis, { channel: 'news' });
    await shows(`stale: ${redis.label} cannot be reached (ECONNREFUSED)`);
    await redis.start();
    const isHeard = async () => expect(await redis.client.publish('news', '1')).toBe(1);
    await until(isHeard);
    await shows(1);
    await redis.kill();
    await until(async () => {
      await refresher.refresh();
      expect(states.at(-1)).toMatch(/^stale/);
    });
    await redis.start();
    await shows(1);
    await until(async () => expect(await redis.client.publish('news', '2')).toBe(1));
    await shows(2);
  });

  it('a Redis that wants a password is stale until it has the right one', async () => {
    const redis = await startRedis();
    await redis.client.set('k', '1');
    await redis.client.config('SET', 'requirepass', 'right');
    const links = openRedisLinks();
    onTestFinished(() => links.close());
    const { signal } = new AbortController();
    const fetchAs = (userinfo: string) => {
      const url = redis.url.replace('//', `//${userinfo}`);
      return redisSource(links, { url, key: 'k' }).fetch({ signal, previous: undefined });
    };
    await expect(fetchAs('')).rejects.toMatchObject({ message: `${redis.label} let nobody in (NOAUTH)` });
    await expect(fetchAs(':wrong@')).rejects.toMatchObject({
      message: `${redis.label} let nobody in (WRONGPASS)`,
    });
    expect(await fetchAs(':right@')).toEqual({ kind: 'value', value: 1 });
  });

  it('a Redis that hangs is given up, and asked again when it goes on', async () => {
    const redis = await startRedis();
    await redis.client.set('k', '1');
    const { shows, refresher, states } = feed(redis, { key: 'k' });
    await shows(1);
    redis.freeze();
    onTestFinished(redis.thaw);
    await refresher.refresh();
    await until(() => expect(states.at(-1)).toBe(`stale: ${redis.label} does not answer`));
    redis.thaw();
    await shows(1);
  });

  it.each([
    ['gone', (redis: TestRedis) => redis.kill(), false],
    ['hanging', (redis: TestRedis) => redis.freeze(), true],
  ])('a stop does not wait until a Redis is given up that is %s', async (_name, breakIt, hangs) => {
    const redis = await startRedis();
    await redis.client.set('k', '1');
    const feeds = [
      feed(redis, { key: 'k' }),
      feed(redis, { channel: 'c' }),
      feed(redis, { stream: 's', count: 1 }),
    ];
    await feeds[0]!.shows(1);
    const asked = await questionTo(redis);
    await breakIt(redis);
    onTestFinished(redis.thaw);
    for (const { refresher } of feeds) void refresher.refresh();
    const stopped = Promise.all(feeds.map(({ close }) => close())).then(() => 'stopped');
    // Whoever is gone is given up at once.
    const ends = hangs ? [asked.givenUp().then(() => 'given up'), stopped] : [stopped];
    expect(await Promise.race(ends)).toBe('stopped');
  });
});

describe('a Redis that nobody can reach', () => {
  it('is named without its password', async () => {
    const links = openRedisLinks();
    onTestFinished(() => links.close());
    const source = redisSource(links, { url: 'redis://me:secret@127.0.0.1:1/2', key: 'k' });
    const { signal } = new AbortController();
    await expect(source.fetch({ signal, previous: undefined })).rejects.toMatchObject({
      code: 'source_failed',
      message: 'redis://127.0.0.1:1/2 cannot be reached (ECONNREFUSED)',
    });
    expect(source.label).toBe('the key k in redis://127.0.0.1:1/2');
  });
});
