import { HeadwaterError } from '../../shared/errors.js';
import { named } from '../async/hold.js';
import type { RaceResult } from '../source/race.js';
import { unknownTopic } from '../store/store.js';
import type { EdgeContext } from './context.js';
import { createTokenBucket } from './token-bucket.js';

/** The races that clients of all edges ask for. Nobody needs a right to, so they are bounded. */
export interface Races {
  /**
   * Races the URLs of a topic's source and gives the answer as JSON: `{"winner":"http://b.example/q","elapsed":12.3,"value":…}`.
   * Who asks for a race that is on shares it.
   * @throws {HeadwaterError} `unknown_topic`, `bad_request` where there are no URLs, `limit`, `unavailable` with the
   * reason where no answer is good; what aborted `signal`
   */
  run(topic: string, signal: AbortSignal): Promise<string>;
}

/** Different races that may be on at once. */
const AT_ONCE = 32;
/** Races that may begin in a second, over all sources. */
const PER_SECOND = 50;

export function createRaces({
  store,
  hub,
  refreshers,
  clock,
}: Pick<EdgeContext, 'store' | 'hub' | 'refreshers' | 'clock'>): Races {
  /** Topics whose race is on, with how many wait for it. */
  const waiting = new Map<string, number>();
  const beginnings = createTokenBucket(PER_SECOND, clock);

  function raceOf(topic: string) {
    const refresher = refreshers.get(topic);
    if (refresher?.race) return refresher.race;
    const exists = refresher !== undefined || store.open(topic) !== undefined;
    // Looking must not fill the store with topics that nobody ever wrote to.
    hub.release(topic);
    if (!exists) throw unknownTopic(topic);
    const why = refresher ? 'its source asks no URLs of its own' : 'it is published to, not fetched';
    throw new HeadwaterError('bad_request', `"${topic}" cannot be raced: ${why}`);
  }

  function enter(topic: string): void {
    const others = waiting.get(topic) ?? 0;
    if (others === 0 && waiting.size >= AT_ONCE) {
      throw new HeadwaterError('limit', `${AT_ONCE} races are on, the most allowed: try again in a moment`, {
        limit: 'races',
      });
    }
    if (others === 0 && !beginnings.take()) {
      throw new HeadwaterError('limit', `${PER_SECOND} races a second are allowed: try again in a moment`, {
        limit: 'races',
      });
    }
    waiting.set(topic, others + 1);
  }

  function leave(topic: string): void {
    const others = waiting.get(topic)! - 1;
    if (others > 0) waiting.set(topic, others);
    else waiting.delete(topic);
  }

  return {
    async run(topic, signal) {
      const race = raceOf(topic);
      enter(topic);
      try {
        return jsonOf(await race(signal));
      } catch (error) {
        throw signal.aborted ? error : forClients(error);
      } finally {
        leave(topic);
      }
    },
  };
}

/** Encoded once for all who share the race. */
const encoded = new WeakMap<RaceResult, string>();

function jsonOf(result: RaceResult): string {
  const known = encoded.get(result);
  if (known !== undefined) return known;
  const { winner, elapsed, value } = result;
  const json = named(
    () => `JSON of a race that ${winner} won`,
    () => JSON.stringify({ winner, elapsed: Math.round(elapsed * 10) / 10, value }),
  );
  encoded.set(result, json);
  return json;
}

/** Why a source failed may be told; it has no code of its own on the wire. */
function forClients(error: unknown): unknown {
  const told = ['source_failed', 'source_timeout', 'aborted'];
  return error instanceof HeadwaterError && told.includes(error.code)
    ? new HeadwaterError('unavailable', error.message, { cause: error })
    : error;
}
