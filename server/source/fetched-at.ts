import type { Clock } from '../async/clock.js';
import type { TopicView } from '../store/topic.js';

/**
 * When what a topic holds was fetched, in ms since the epoch, so that who begins to serve it need not ask before that is
 * due: what was kept over a restart still stands. `undefined` where it holds nothing that stands.
 */
export function fetchedAt({ asOf, freshness }: TopicView, now: number): number | undefined {
  return freshness.stale || asOf === undefined ? undefined : Math.min(asOf, now);
}

/** A moment of the day as `clock.elapsed` counts, which nobody sets; one that is still to come counts as now. */
export function elapsedAt(moment: number | undefined, clock: Clock): number | undefined {
  return moment === undefined ? undefined : clock.elapsed() - Math.max(0, clock.now() - moment);
}
