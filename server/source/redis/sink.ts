import type { ChainableCommander } from 'ioredis';
import type { Sink, Stored } from '../sink/sink.js';
import { parseStored } from './json.js';
import type { RedisLink } from './link.js';
import type { RedisLinks } from './links.js';

/** Where a sink writes: exactly one of `key`, `hash` with `field`, and `stream`. */
export interface RedisSinkOptions {
  url: string;
  key?: string | undefined;
  /** Milliseconds that the key outlives the last write; default: for ever. */
  ttl?: number | undefined;
  hash?: string | undefined;
  field?: string | undefined;
  stream?: string | undefined;
  /** About how many entries the stream keeps; default 1000. */
  cap?: number | undefined;
}

const CAP = 1_000;
/** How many values may wait for a stream while Redis is away. */
const STREAM_BOUND = 1_000;

/**
 * A place in Redis. What a key or a field holds is the value as JSON and nothing else; when it was right stands beside
 * it, under the same name with `:asOf` after it.
 */
export function redisSink(links: RedisLinks, options: RedisSinkOptions): Sink {
  const { url, key, ttl, hash, field, stream, cap = CAP } = options;
  const link = links.shared(url);
  if (key !== undefined) return keySink(link, { key, ttl });
  if (stream !== undefined) return streamSink(link, { stream, cap });
  if (hash === undefined || field === undefined)
    throw new TypeError('a sink in Redis is a key, a field of a hash, or a stream');
  return fieldSink(link, { hash, field });
}

/** The key that says when what another one holds was right. */
const stampOf = (key: string) => `${key}:asOf`;

function keySink(link: RedisLink, { key, ttl }: { key: string; ttl: number | undefined }): Sink {
  const label = `the key ${key} in ${link.label}`;
  return {
    label,
    bound: 1,
    write(values, signal) {
      const { value, asOf = Date.now() } = values.at(-1)!;
      return commit(link, signal, (commands) => {
        const json = JSON.stringify(value);
        if (ttl === undefined) commands.set(key, json).set(stampOf(key), asOf);
        else commands.set(key, json, 'PX', ttl).set(stampOf(key), asOf, 'PX', ttl);
      });
    },
    async load(signal) {
      const [text, stamp] = await link.use(signal, (redis) => redis.mget(key, stampOf(key)));
      return stored(text, stamp, label);
    },
    onBack: link.onBack,
  };
}

function fieldSink(link: RedisLink, { hash, field }: { hash: string; field: string }): Sink {
  const label = `the field ${field} of the hash ${hash} in ${link.label}`;
  return {
    label,
    bound: 1,
    write(values, signal) {
      const { value, asOf = Date.now() } = values.at(-1)!;
      return commit(link, signal, (commands) => {
        commands.hset(hash, field, JSON.stringify(value)).hset(stampOf(hash), field, asOf);
      });
    },
    async load(signal) {
      const [text, stamp] = await link.use(signal, (redis) =>
        Promise.all([redis.hget(hash, field), redis.hget(stampOf(hash), field)]),
      );
      return stored(text, stamp, label);
    },
    onBack: link.onBack,
  };
}

/** Entries of one field, `value`. An answer that is lost on the way leaves it open whether they came, and they are written again. */
function streamSink(link: RedisLink, { stream, cap }: { stream: string; cap: number }): Sink {
  return {
    label: `the stream ${stream} in ${link.label}`,
    bound: STREAM_BOUND,
    write: (values, signal) =>
      commit(link, signal, (commands) => {
        for (const { value } of values)
          commands.xadd(stream, 'MAXLEN', '~', cap, '*', 'value', JSON.stringify(value));
      }),
    onBack: link.onBack,
  };
}

/** Runs the commands as one transaction (MULTI). */
async function commit(
  link: RedisLink,
  signal: AbortSignal,
  fill: (commands: ChainableCommander) => void,
): Promise<void> {
  await link.use(signal, async (redis) => {
    const commands = redis.multi();
    fill(commands);
    const results = await commands.exec();
    const refused = results?.find(([error]) => error);
    if (refused) throw refused[0];
  });
}

function stored(
  text: string | null | undefined,
  stamp: string | null | undefined,
  label: string,
): Stored | undefined {
  if (text === null || text === undefined) return undefined;
  const asOf = Number(stamp ?? Number.NaN);
  return { value: parseStored(text, label), asOf: Number.isSafeInteger(asOf) ? asOf : undefined };
}
