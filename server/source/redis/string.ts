import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Json } from '../../../shared/json.js';
import type { Source } from '../source.js';
import { SourceError } from '../source-error.js';
import { parseStored } from './json.js';
import type { RedisLinks } from './links.js';

/** A string at a key, as JSON. */
export function redisKeySource(links: RedisLinks, { url, key }: { url: string; key: string }): Source {
  const what = `the key ${key}`;
  return keptSource(links, { url, key, what }, async (redis, label) => {
    const text = await redis.get(key);
    if (text === null) throw new SourceError(`${label} does not exist`);
    return { texts: [text], read: () => parseStored(text, label) };
  });
}

/** One field of a hash, as JSON. */
export function redisHashFieldSource(
  links: RedisLinks,
  { url, hash, field }: { url: string; hash: string; field: string },
): Source {
  const what = `the field ${field} of the hash ${hash}`;
  return keptSource(links, { url, key: hash, what }, async (redis, label) => {
    const text = await redis.hget(hash, field);
    if (text === null) throw new SourceError(`${label} does not exist`);
    return { texts: [text], read: () => parseStored(text, label) };
  });
}

/** A whole hash, as an object; a field that is no JSON is a string. */
export function redisHashSource(links: RedisLinks, { url, hash }: { url: string; hash: string }): Source {
  const what = `the hash ${hash}`;
  return keptSource(links, { url, key: hash, what }, async (redis, label) => {
    const fields = Object.entries(await redis.hgetall(hash)).sort(([a], [b]) => (a < b ? -1 : 1));
    if (fields.length === 0) throw new SourceError(`${label} does not exist`);
    return {
      texts: fields.flat(),
      read: () => Object.fromEntries(fields.map(([name, text]) => [name, parseStored(text)])),
    };
  });
}

interface Kept {
  /** What Redis answered: the same texts again are the same value. */
  texts: readonly string[];
  read(): Json;
}

/** Something at a key, which is also read at once where the Redis sends keyspace notifications (`notify-keyspace-events KA`). */
function keptSource(
  links: RedisLinks,
  { url, key, what }: { url: string; key: string; what: string },
  ask: (redis: Redis, label: string) => Promise<Kept>,
): Source {
  const link = links.shared(url);
  const label = `${what} in ${link.label}`;
  let known: string | undefined;
  return {
    label,
    async fetch({ signal, previous }) {
      const { texts, read } = await link.use(signal, (redis) => ask(redis, label));
      const digest = digestOf(texts);
      if (digest === known && previous !== undefined) return { kind: 'unchanged' };
      const value = read();
      known = digest;
      return { kind: 'value', value };
    },
    watch(changed, signal) {
      link.onBack(changed, signal);
      links.subscriber(url).subscribe(`__keyspace@${link.database}__:${key}`, changed, signal);
    },
  };
}

function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('base64');
}
