import { HeadwaterError } from '../../../shared/errors.js';
import { topicMatcher } from '../../../shared/topic-pattern.js';
import type { Store } from '../../store/store.js';
import type { TemplateCounts } from '../readings.js';
import type { Refresher, RefresherState } from '../refresher.js';
import type { InstanceStarter, Parameters, TemplateInstance } from './instance.js';
import { LiveInstance, type UseListener } from './live-instance.js';

/** One entry of the configuration that serves many topics. */
export interface Template extends InstanceStarter {
  /** `weather/{city}` */
  readonly pattern: string;
  /** The regular expressions that parameters must match. */
  readonly rules: Readonly<Record<string, string>>;
  /** How many instances there may be at once. */
  readonly max: number;
  /** Loads what an instance begins with, beside its first fetch. Never rejects. */
  load?(instance: TemplateInstance): Promise<void> | undefined;
  /** An instance has been closed: lets go of what belongs to its topic alone. */
  ended?(topic: string): void;
}

/** The instances of all templates of one server. */
export interface Instances extends Iterable<readonly [topic: string, refresher: Refresher]> {
  /**
   * That of a topic, begun now if the topic fits a template; `undefined` if it fits none.
   * @throws {HeadwaterError} `limit`: the template is full, and somebody needs each of its instances; `closed`
   */
  get(topic: string): Refresher | undefined;
  /** That of a topic, if it exists. */
  find(topic: string): Refresher | undefined;
  counts(): TemplateCounts[];
  /** Fetches of all instances so far, those included that are gone. */
  fetches(): { fetches: number; failures: number };
  /** Closes every instance, then what they shared. */
  close(): Promise<void>;
}

interface Family extends UseListener {
  readonly template: Template;
  readonly match: (topic: string) => Parameters | undefined;
  readonly counts: TemplateCounts;
  /** Those that nobody needs, the one that has been idle longest first. */
  readonly idling: Set<LiveInstance>;
}

/**
 * Makes an instance when its topic is first asked for. One that nobody needs rests, with the value it has, until its
 * room is needed, in its template or in the store: then the one that was idle longest is closed, and its topic forgotten.
 */
export function createInstances(
  templates: readonly Template[],
  store: Pick<Store, 'hold' | 'evict' | 'onFull'>,
): Instances {
  const families = templates.map(familyOf);
  const instances = new Map<string, LiveInstance>();
  const past = { fetches: 0, failures: 0 };
  const closing = new Set<Promise<void>>();
  let closed = false;

  function familyOf(template: Template): Family {
    const idling = new Set<LiveInstance>();
    const { pattern, rules } = template;
    return {
      template,
      match: topicMatcher(pattern, rules),
      counts: { pattern, live: 0, idle: 0, evictions: 0, refusals: 0 },
      idling,
      used: (instance) => void idling.delete(instance),
      idle: (instance) => {
        if (instances.get(instance.topic) === instance) idling.add(instance);
      },
    };
  }

  function begin(family: Family, name: string, parameters: Parameters): LiveInstance {
    const { template, counts } = family;
    if (closed) throw new HeadwaterError('closed', `"${name}" is no longer fetched: the server stops`);
    if (counts.live >= template.max) makeRoom(family, name);
    // What a template serves has been declared.
    const topic = store.hold(name)!;
    const instance = { topic, parameters };
    const live = new LiveInstance(name, template.start(instance), family, template.load?.(instance));
    instances.set(name, live);
    counts.live += 1;
    family.idling.add(live);
    return live;
  }

  function makeRoom(family: Family, name: string): void {
    const { template, counts } = family;
    if (!closeOldest(family)) {
      counts.refusals += 1;
      throw new HeadwaterError(
        'limit',
        `"${name}" would be one more than the ${template.max} topics that "${template.pattern}" may serve at once, all of which are in use: try again later`,
        { limit: 'max' },
      );
    }
  }

  /** Closes the one that has been idle longest; false where there is none. */
  function closeOldest({ template, counts, idling }: Family): boolean {
    const [oldest] = idling;
    if (!oldest) return false;
    counts.evictions += 1;
    counts.live -= 1;
    idling.delete(oldest);
    instances.delete(oldest.topic);
    store.evict(oldest.topic);
    template.ended?.(oldest.topic);
    add(past, oldest.state);
    const done = oldest.close().finally(() => closing.delete(done));
    closing.add(done);
    return true;
  }

  store.onFull(() => families.some(closeOldest));

  return {
    find: (topic) => instances.get(topic),
    get(topic) {
      const known = instances.get(topic);
      if (known) return known;
      for (const family of families) {
        const parameters = family.match(topic);
        if (parameters) return begin(family, topic, parameters);
      }
      return undefined;
    },
    [Symbol.iterator]: () => instances.entries(),
    counts: () => families.map(({ counts, idling }) => ({ ...counts, idle: idling.size })),
    fetches() {
      const sum = { ...past };
      for (const { state } of instances.values()) add(sum, state);
      return sum;
    },
    async close() {
      closed = true;
      await Promise.all([...instances.values()].map((instance) => instance.close()));
      await Promise.all(closing);
      await Promise.all(templates.map((template) => template.close()));
    },
  };
}

function add(
  sum: { fetches: number; failures: number },
  { fetches, failures }: Readonly<RefresherState>,
): void {
  sum.fetches += fetches;
  sum.failures += failures;
}
