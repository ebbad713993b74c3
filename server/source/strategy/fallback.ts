import type { Json } from '../../../shared/json.js';
import { allFailed } from './failure.js';
import type { Member } from './member.js';

/**
 * The good answer of the first member that has one, asked one after the other.
 * @throws {SourceError} with every reason, if none has
 */
export async function fallback(members: readonly Member[], signal: AbortSignal): Promise<Json> {
  const failures: { label: string; error: unknown }[] = [];
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
  if (failures.length === 1) throw failures[0]!.error;
  throw allFailed(`none of ${members.length} URLs gave a good answer`, failures);
}
