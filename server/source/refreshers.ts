import type { Refresher } from './refresher.js';
import type { Instances } from './template/instances.js';

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

/** Those of sources with one topic, and of templates. */
export function createRefreshers(
  single: ReadonlyMap<string, Refresher>,
  instances: Pick<Instances, 'get' | 'find' | typeof Symbol.iterator>,
): Refreshers {
  return {
    get: (topic) => single.get(topic) ?? instances.get(topic),
    setDemand(topic, subscribed) {
      const known = single.get(topic) ?? instances.find(topic);
      const refresher = known ?? (subscribed ? instances.get(topic) : undefined);
      refresher?.setDemand(subscribed);
    },
    *[Symbol.iterator]() {
      yield* single;
      yield* instances;
    },
  };
}
