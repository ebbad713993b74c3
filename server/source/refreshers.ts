import type { Refresher } from './refresher.js';

/** The refreshers of one server, by the topic that each serves. Iterates over those that exist. */
export interface Refreshers extends Iterable<readonly [topic: string, refresher: Refresher]> {
  /**
   * That of a topic, made now where the topic is one of a template's; `undefined` where no source serves it.
   * @throws {HeadwaterError} `limit`: the template serves as many as it may; `closed`
   */
  get(topic: string): Refresher | undefined;
  /** Passes on whether anybody subscribes. @throws as `get`, where somebody begins to */
  setDemand(topic: string, subscribed: boolean): void;
}
