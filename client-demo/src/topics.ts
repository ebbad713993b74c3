import { learnServerTime } from './server-clock.js';

/** One row of `GET /topics`. */
export interface TopicInfo {
  topic: string;
  kind: 'state' | 'event';
  version: number;
  stale: boolean;
}

/** Asks the server what topics there are. @throws where it does not answer, or not with a list. */
export async function fetchTopics(): Promise<TopicInfo[]> {
  const response = await fetch('./topics', { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`GET /topics answered ${response.status}.`);
  learnServerTime(response);
  const list: unknown = await response.json();
  if (!Array.isArray(list)) throw new Error('GET /topics did not answer with a list.');
  return list as TopicInfo[];
}
