import type { TopicView } from '../store/topic.js';

/**
 * When what a topic holds was fetched, in ms since the epoch, so that who begins to serve it need not ask before that is
 * due: what was kept over a restart still stands. `undefined` where it holds nothing that stands.
 */
export function fetchedAt({ asOf, freshness }: TopicView, now: number): number | undefined {
  return freshness.stale || asOf === undefined ? undefined : Math.min(asOf, now);
}
