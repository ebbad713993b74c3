import type { Redis } from 'ioredis';
import { SourceError } from '../source-error.js';
import { originOf } from '../stream/origin.js';
import type { PushContext, Pushed, PushSource } from '../stream/push-source.js';
import type { RedisLink } from './link.js';
import type { RedisLinks } from './links.js';
import { BLOCK, type Entry, entryOf } from './stream.js';

/** At most so many entries are read at a time. */
const BATCH = 256;
/** Before every entry. */
const BEGINNING = '0-0';

/**
 * Every entry of a stream as an event of its own, `{ "id": "1700000000000-0", "fields": { … } }`, once and in order. It
 * begins with the newest `count` entries, or behind the last one that the topic took, where that was kept over a
 * restart; then come all that are added, also while nobody reads. Entries that left the stream unread are told as a
 * fault, and so is a stream that was emptied, which is read from its new beginning.
 */
export function redisStreamEvents(
  links: RedisLinks,
  { url, stream, count }: { url: string; stream: string; count: number },
): PushSource {
  const link = links.shared(url);
  const label = `the stream ${stream} in ${link.label}`;
  const origin = originOf('redis', link.address, link.database, stream);

  async function* follow(
    reader: RedisLink,
    { signal, after }: PushContext,
  ): AsyncGenerator<readonly Pushed[]> {
    const newest =
      after === undefined ? await link.use(signal, (redis) => newestOf(redis, stream, count)) : [];
    let last = newest.at(-1)?.[0] ?? after ?? BEGINNING;
    yield [
      // Until those that were there are taken, it stands nowhere yet.
      { kind: 'open', resumed: true, at: newest.length === 0 ? last : undefined },
      ...newest.map(eventOf),
    ];
    for (let lagging = true; ; ) {
      if (lagging) {
        const doubt = await link.use(signal, (redis) => doubtOf(redis, stream, last));
        if (doubt === 'emptied') last = BEGINNING;
        if (doubt)
          yield [
            {
              kind: 'fault',
              error: new SourceError(`${label} was ${doubt}: events may be missing`),
              at: last,
            },
          ];
      }
      const read = await reader.use(signal, (redis) =>
        redis.xread('COUNT', BATCH, 'BLOCK', BLOCK, 'STREAMS', stream, last),
      );
      const entries = read?.[0]?.[1] ?? [];
      last = entries.at(-1)?.[0] ?? last;
      yield entries.length === 0 ? [{ kind: 'alive' }] : entries.map(eventOf);
      // Between these two, whoever writes did not overtake us: nothing can have left unread.
      lagging = entries.length === 0 || entries.length === BATCH;
    }
  }

  return {
    label,
    async *connect(context) {
      const own = new AbortController();
      try {
        yield* follow(links.dedicated(url, own.signal), context);
      } finally {
        own.abort();
      }
    },
    originFor: () => origin,
    watch: (back, signal) => link.onBack(back, signal),
  };
}

function eventOf(entry: Entry): Pushed {
  return { kind: 'message', value: entryOf(entry), at: entry[0] };
}

/** The newest entries, oldest first. */
async function newestOf(redis: Redis, stream: string, count: number): Promise<Entry[]> {
  const entries = await redis.xrevrange(stream, '+', '-', 'COUNT', count);
  return entries.reverse();
}

/** Whether reading on after `last` misses something: the stream began anew, or dropped entries that came after it. */
async function doubtOf(
  redis: Redis,
  stream: string,
  last: string,
): Promise<'emptied' | 'trimmed' | undefined> {
  if (last === BEGINNING) return undefined;
  const lastMade = (await redis.exists(stream)) === 0 ? BEGINNING : await lastMadeOf(redis, stream);
  if (isBefore(lastMade, last)) return 'emptied';
  if (lastMade === last) return undefined;
  const [oldest] = await redis.xrange(stream, '-', '+', 'COUNT', 1);
  // Where it is still there, so is everything after it.
  return oldest && isBefore(last, oldest[0]) ? 'trimmed' : undefined;
}

/** The id of the newest entry there ever was, deleted or not. */
async function lastMadeOf(redis: Redis, stream: string): Promise<string> {
  const about = (await redis.xinfo('STREAM', stream)) as unknown[];
  return String(about[about.indexOf('last-generated-id') + 1]);
}

function isBefore(a: string, b: string): boolean {
  const [timeA = 0n, countA = 0n] = a.split('-').map(BigInt);
  const [timeB = 0n, countB = 0n] = b.split('-').map(BigInt);
  return timeA < timeB || (timeA === timeB && countA < countB);
}
