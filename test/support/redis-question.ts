import { onTestFinished } from 'vitest';
import { openRedisLinks } from '../../server/source/redis/links.js';
import { redisSource } from '../../server/source/redis/redis.js';
import type { TestRedis } from './redis.js';

/** Something that asks a Redis over a connection of its own, which stands when this resolves: others are compared with it. */
export async function questionTo(redis: TestRedis) {
  const links = openRedisLinks();
  onTestFinished(() => links.close());
  await redis.client.set('question', '1');
  const source = redisSource(links, { url: redis.url, key: 'question' });
  const ask = () => source.fetch({ signal: new AbortController().signal, previous: undefined });
  await ask();
  return {
    /** Asks, and resolves when a Redis that does not answer has been given up. */
    givenUp: (): Promise<void> =>
      ask().then(
        () => {
          throw new Error('Redis has answered');
        },
        () => {},
      ),
  };
}
