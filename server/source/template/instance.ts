import type { TopicParameters } from '../../../shared/topic-pattern.js';
import type { TopicWriter } from '../../store/store.js';
import type { Refresher } from '../refresher.js';

/** What the parameters of a template stand for in one topic: `{ city: 'oslo' }` for `weather/oslo` of `weather/{city}`. */
export type Parameters = TopicParameters;

/** One of the topics that a template serves. */
export interface TemplateInstance {
  readonly topic: TopicWriter;
  /** Each is one segment of a topic name, and matches the pattern that the configuration gives for it. */
  readonly parameters: Parameters;
}

/**
 * Begins to serve one instance, for which somebody asked just now: `setDemand`, `freshen` or `refresh` follows in the
 * same turn. When the last subscriber leaves (`setDemand(false)`) what it returns goes on for the source's `linger`,
 * then rests, and may be woken again. It is closed once: to make room for others, or because the server stops.
 * Must not throw.
 */
export type StartInstance = (instance: TemplateInstance) => Refresher;

/** What serves all instances of one template. */
export interface InstanceStarter {
  readonly start: StartInstance;
  /** After all instances have been closed: lets go of what they shared. */
  close(): Promise<void>;
}
