import type { Json } from '../../../shared/json.js';
import type { Clock } from '../../async/clock.js';
import { sleep } from '../../async/sleep.js';
import type { Source } from '../source.js';
import { SourceError } from '../source-error.js';
import { parseStored } from './json.js';
import type { RedisLink } from './link.js';
import type { RedisLinks } from './links.js';

/** How long one XREAD waits; less than the silence after which a connection is given up. */
export const BLOCK = 2_000;
/** Between attempts to read on after one failed. */
const RETRY = 500;

/**
 * The newest entries of a stream, oldest first: `[{ "id": "1700000000000-0", "fields": { "temperature": 21 } }]`. A
 * field that is no JSON is a string. A connection of its own waits for new entries (XREAD BLOCK).
 */
export function redisStreamSource(
  links: RedisLinks,
  { url, stream, count }: { url: string; stream: string; count: number },
  clock: Clock,
): Source {
  const link = links.shared(url);
  const label = `the stream ${stream} in ${link.label}`;
  let known: string | undefined;
  return {
    label,
    async fetch({ signal, previous }) {
      const entries = await link.use(signal, async (redis) => {
        const newest = await redis.xrevrange(stream, '+', '-', 'COUNT', count);
        if (newest.length === 0 && (await redis.exists(stream)) === 0)
          throw new SourceError(`${label} does not exist`);
        return newest.reverse();
      });
      // Entries never change, so which ones there are says it all.
      const ids = entries.map(([id]) => id).join();
      if (ids === known && previous !== undefined) return { kind: 'unchanged' };
      const value = entries.map(entryOf);
      known = ids;
      return { kind: 'value', value };
    },
    watch(changed, signal) {
      link.onBack(changed, signal);
      void follow(links.dedicated(url, signal), { stream, changed, signal, clock });
    },
  };
}

/** As Redis answers it: the id, and the fields and their values in turn. */
export type Entry = [id: string, fields: string[]];

export function entryOf([id, fields]: Entry): Json {
  return { id, fields: pairs(fields) };
}

function pairs(flat: readonly string[]): Json {
  const fields: [string, Json][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i]!, parseStored(flat[i + 1]!)]);
  return Object.fromEntries(fields);
}

interface Follower {
  stream: string;
  changed: () => void;
  signal: AbortSignal;
  clock: Clock;
}

/** Never rejects; ends when `signal` aborts. */
async function follow(link: RedisLink, { stream, changed, signal, clock }: Follower): Promise<void> {
  while (!signal.aborted) {
    try {
      const [newest] = await link.use(signal, (redis) => redis.xrevrange(stream, '+', '-', 'COUNT', 1));
      let last = newest?.[0] ?? '0-0';
      // What came between the fetch before this and `last` would go unnoticed otherwise.
      changed();
      for (;;) {
        const read = await link.use(signal, (redis) =>
          redis.xread('COUNT', 100, 'BLOCK', BLOCK, 'STREAMS', stream, last),
        );
        const entries = read?.[0]?.[1] ?? [];
        if (entries.length === 0) continue;
        last = entries.at(-1)![0];
        changed();
      }
    } catch {
      // The fetches meet the same trouble and report it.
      await sleep(RETRY, { signal, clock }).catch(() => {});
    }
  }
}
