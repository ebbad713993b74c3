import type { Json } from '../../../shared/json.js';
import { type Failure, noneGood } from './failure.js';
import type { Member } from './member.js';

/**
 * The good answer of the first member that has one, asked one after the other.
 * @throws {SourceError} with every reason, if none has
 */
export async function fallback(members: readonly Member[], signal: AbortSignal): Promise<Json> {
  const failures: Failure[] = [];
  for (const member of members) {
    try {
      const value = await member.ask(signal);
      member.counts.wins += 1;
      return value;
    } catch (error) {
      signal.throwIfAborted();
      failures.push({ label: member.label, error });
    }
  }
  throw noneGood(failures);
}
