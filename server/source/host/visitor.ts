import type { Clock } from '../../async/clock.js';
import { type Deadline, startDeadline } from '../deadline.js';
import { failureOf } from '../http/failure.js';
import type { Source } from '../source.js';
import type { Host } from './host.js';

/** One source at its host: fetches in its time, shares the quotas, and hears when the host has recovered. */
export interface Visitor extends Required<Pick<Source, 'enlist' | 'affordable' | 'watch'>> {
  /**
   * Runs one fetch within its time.
   * @throws {HeadwaterError} what went wrong, in one line; what aborts `owner`
   */
  visit<T>(owner: AbortSignal, fetch: (deadline: Deadline) => Promise<T>): Promise<T>;
}

export interface VisitorOptions {
  /** The source, for messages. */
  label: string;
  /** Milliseconds for one fetch, without the waits for its turn. */
  timeout: number;
  clock: Clock;
}

export function createVisitor(host: Host, { label, timeout, clock }: VisitorOptions): Visitor {
  /** Whether the last fetch failed, or there was none yet: somebody else may fetch on its behalf. */
  let failing = true;
  let visits = 0;

  return {
    async visit(owner, fetch) {
      const deadline = startDeadline({ label, timeout, owner, clock });
      visits += 1;
      try {
        const fetched = await fetch(deadline);
        failing = false;
        return fetched;
      } catch (error) {
        if (!owner.aborted) failing = true;
        throw deadline.aborted ? deadline.reason : failureOf(error, label);
      } finally {
        visits -= 1;
        deadline.end();
      }
    },
    enlist: host.enlist,
    affordable: host.affordable,
    // Who was shut out comes back at once, and not at the end of a backoff; a fetch under way gets its turn by itself.
    watch(changed, signal) {
      host.onRecovery(() => {
        if (failing && visits === 0) changed();
      }, signal);
    },
  };
}
