import { messageOf } from '../../shared/errors.js';
import type { Clock } from '../async/clock.js';
import { isExpected, type Logger } from '../observe/log.js';
import { sparing } from './sparing.js';

/** Hears how each fetch of one topic ended. */
export interface FetchLog {
  failed(error: unknown): void;
  succeeded(): void;
}

/** Of a topic that goes on failing the log has no more kinds of failure than so many. */
const MOST_KINDS = 10;

/**
 * Logs how the topics of one source fare: when one begins to fail, when it fails in a way it did not before, and when it
 * works again, rather than every attempt. All topics together are {@link sparing}.
 */
export function createFetchLog(clock: Clock, logger: Logger): (topic: string) => FetchLog {
  const say = sparing<{ topic: string } & ({ err: unknown } | { failures: number })>(clock, (news, more) => {
    if ('err' in news) logger.warn({ ...news, ...more }, 'a fetch failed');
    else logger.info({ ...news, ...more }, 'fetches work again');
  });
  return (topic) => {
    let failures = 0;
    const told = new Set<string>();
    return {
      failed(err) {
        failures += 1;
        const kind = kindOf(err);
        if (told.has(kind) || told.size === MOST_KINDS) return;
        told.add(kind);
        say({ topic, err });
      },
      succeeded() {
        if (failures > 0) say({ topic, failures });
        failures = 0;
        told.clear();
      },
    };
  };
}

/** Expected failures differ by code: their texts may name the time, as that of an open circuit does. */
function kindOf(error: unknown): string {
  try {
    return isExpected(error) ? error.code : messageOf(error);
  } catch {
    // Code may throw what throws when it is looked at.
    return '';
  }
}
