import type { Json } from '../../../shared/json.js';
import type { Clock } from '../../async/clock.js';
import { gather } from '../../async/gather.js';
import { SourceError } from '../source-error.js';
import { reasonOf } from './failure.js';
import type { Member } from './member.js';

/**
 * The good answers of all members, in their order. At the first failure the others are aborted and awaited.
 * @throws {SourceError} that says which failed, and why
 */
export async function all(
  members: readonly Member[],
  { signal, clock }: { signal: AbortSignal; clock: Clock },
): Promise<Json[]> {
  const works = members.map((member) => async (own: AbortSignal) => {
    try {
      return await member.ask(own);
    } catch (error) {
      if (own.aborted) {
        if (!signal.aborted) member.counts.losses += 1;
        throw error;
      }
      const retryAfter = error instanceof SourceError ? error.retryAfter : undefined;
      const reason = `${member.name}: ${reasonOf({ label: member.label, error })}`;
      const message = `not all of ${members.length} URLs gave a good answer; ${reason}`;
      throw new SourceError(message, { cause: error, retryAfter });
    }
  });
  const values = await gather(works, { signal, clock, name: 'all' });
  for (const { counts } of members) counts.wins += 1;
  return values;
}
