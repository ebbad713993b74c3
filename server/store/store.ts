import { isTooDeep, MAX_DEPTH } from '../../shared/depth.js';
import { HeadwaterError } from '../../shared/errors.js';
import type { Json } from '../../shared/json.js';
import type { TopicKind } from '../../shared/messages.js';
import { applyPatch, type PatchOperation } from '../../shared/patch.js';
import { isTopic } from '../../shared/topic.js';
import { type Clock, systemClock } from '../async/clock.js';
import { named } from '../async/hold.js';
import { createDeclarations } from './declarations.js';
import type { SavedTopic } from './durable/saved-topic.js';
import { EventTopic } from './event-topic.js';
import { StateTopic } from './state-topic.js';
import type { Declaration, Position, TopicFlush, TopicView } from './topic.js';

/** What sources and publishers may do to a topic. Values are handed over: never mutate one afterwards. */
export interface TopicWriter {
  readonly view: TopicView;
  /**
   * Commits a value; one equal to the current one only renews `asOf` (default: now). Makes a stale topic fresh.
   * @throws {HeadwaterError} `too_large` for a value nested too deep; the topic is then untouched. Likewise below.
   */
  set(value: Json, asOf?: number): void;
  /**
   * Commits the value that a JSON Patch makes of the current one (`null` if there is none).
   * @throws {HeadwaterError} `patch_invalid`, `patch_conflict`; the value is then untouched.
   */
  patch(patch: readonly PatchOperation[]): void;
  /** Appends an event and returns its version. */
  append(event: Json): number;
  /** The source was asked and nothing changed (304, equal bytes): renews `asOf`, makes a stale topic fresh. */
  checked(asOf?: number): void;
  /**
   * Says where the stream that feeds the topic stands, in the same turn as the commit that brought it there: both are
   * flushed, and kept over a restart, as one. `set` and `patch` make it unknown: a value by itself comes from nowhere.
   */
  stand(position: Position | undefined): void;
  /** The source fails: the last good value stays. `error` is shown to clients: no secret, no header, one short line. */
  fail(error: string): void;
  /** The committed value of a state topic, flushed or not. */
  readonly latest: Json | undefined;
}

/** Hears of every flush, once, with all that it changed. Must not throw. */
export type FlushListener = (flushes: readonly TopicFlush[]) => void;

/** The in-memory store: owns every topic; others get views and writers. */
export interface Store {
  /**
   * Makes a topic, or every topic of a pattern, exist.
   * @throws {HeadwaterError} `config_invalid`, `limit`
   */
  declare(declaration: Declaration): void;
  /**
   * The topic of that name, made at first use; `undefined` if nothing declares it.
   * @throws {HeadwaterError} `limit` when making it would exceed the number of topics allowed.
   */
  open(name: string): TopicView | undefined;
  /** Lets go of a topic that a pattern made, that nobody keeps or holds and nothing was committed to; others stay. */
  forget(name: string): void;
  /** Lets a topic stay for good, committed to or not: the program holds its writer. */
  keep(name: string): void;
  /** A writer to a topic that stays until it is evicted. */
  hold(name: string): TopicWriter | undefined;
  /**
   * Ends a hold, and lets go of a topic that a pattern made and nobody keeps, with all that it had. Who reads it still
   * sees it as it was; the next one to ask for it begins a new life.
   */
  evict(name: string): void;
  /** Writes to a topic. Every call of one method suits the topic's kind; the other throws `bad_request`. */
  writer(name: string): TopicWriter | undefined;
  /** Makes those of the names that clients may publish to, as far as there is room: what they publish is held nowhere else. */
  revive(names: Iterable<string>): void;
  /** All topics made so far. */
  topics(): Iterable<TopicView>;
  /** Calls `makeRoom` while it holds as many topics as it may and one more is wanted, unless that says that it can do nothing. */
  onFull(makeRoom: () => boolean): void;
  onFlush(listener: FlushListener): void;
  /** Resolves after the flush that carries everything committed so far; at once if nothing waits. */
  flushed(): Promise<void>;
  /** Flushes now what waits, and takes no further commit. Idempotent. */
  close(): void;
}

export interface StoreOptions {
  clock?: Clock;
  /** Milliseconds to gather commits before a flush; 0 (default): the next turn of the event loop. */
  flush?: number;
  /** How many topics may be made; 0 (default): no limit. */
  maxTopics?: number;
  /** Gives a topic that is made what it was in the process before, if that was kept. */
  recall?: (name: string, kind: TopicKind) => SavedTopic | undefined;
}

export function createStore(options: StoreOptions = {}): Store {
  const { clock = systemClock, flush: flushDelay = 0, maxTopics = 0, recall } = options;
  const declarations = createDeclarations();
  const topics = new Map<string, StateTopic | EventTopic>();
  const listeners: FlushListener[] = [];
  const touched = new Set<StateTopic | EventTopic>();
  let waiting: (() => void)[] = [];
  let cancelFlush: (() => void) | undefined;
  let makeRoom = () => false;
  let closed = false;

  function open(name: string): StateTopic | EventTopic | undefined {
    const known = topics.get(name);
    if (known) return known;
    const declaration = declarations.find(name);
    if (!declaration) return undefined;
    while (maxTopics > 0 && topics.size >= maxTopics) {
      if (makeRoom()) continue;
      throw new HeadwaterError(
        'limit',
        `"${name}" would be topic ${topics.size + 1}, and this server holds at most ${maxTopics}: raise limits.topics, or use fewer`,
        { limit: 'topics' },
      );
    }
    const saved = recall?.(name, declaration.kind);
    const topic =
      declaration.kind === 'state'
        ? new StateTopic(name, declaration, saved)
        : new EventTopic(name, declaration, saved);
    topics.set(name, topic);
    return topic;
  }

  function letGo(topic: StateTopic | EventTopic): void {
    topic.gone = true;
    topics.delete(topic.name);
    touched.delete(topic);
  }

  function touch(topic: StateTopic | EventTopic): void {
    if (topic.gone) return;
    touched.add(topic);
    if (cancelFlush) return;
    if (flushDelay > 0) {
      const timer = clock.after(flushDelay, flush);
      cancelFlush = () => timer.cancel();
    } else {
      const immediate = setImmediate(flush);
      cancelFlush = () => clearImmediate(immediate);
    }
  }

  function flush(): void {
    cancelFlush = undefined;
    const flushes: TopicFlush[] = [];
    const now = clock.now();
    for (const topic of touched) {
      const taken = named(
        () => `the change of ${topic.name}`,
        () => topic.takeFlush(now),
      );
      if (taken.change || taken.turned || taken.checked || taken.moved) flushes.push(taken);
    }
    touched.clear();
    // Before the listeners: what one of them commits is carried by the next flush.
    const resolvers = waiting;
    waiting = [];
    if (flushes.length > 0) for (const listener of listeners) listener(flushes);
    for (const resolve of resolvers) resolve();
  }

  function writerOf(topic: StateTopic | EventTopic): TopicWriter {
    const ready = () => {
      if (closed)
        throw new HeadwaterError('closed', `"${topic.name}" takes no more commits: the server has closed`);
      touch(topic);
      return topic;
    };
    const state = () => asKind(ready(), StateTopic);
    return {
      view: topic,
      set: (value, asOf) => set(state(), value, asOf ?? clock.now()),
      patch: (patch) => {
        const to = state();
        set(to, applyPatch(to.latest ?? null, patch), clock.now());
      },
      append: (event) =>
        asKind(ready(), EventTopic).append(shallowEnough(event, undefined, topic.name), clock.now()),
      checked: (asOf) => ready().succeeded(asOf ?? clock.now()),
      stand: (position) => ready().stand(position),
      fail: (error) => ready().fail(error),
      get latest() {
        return topic.kind === 'state' ? topic.latest : undefined;
      },
    };
  }

  return {
    declare(declaration) {
      declarations.add(declaration);
      if (isTopic(declaration.topic)) open(declaration.topic);
    },
    open,
    keep(name) {
      const topic = open(name);
      if (topic) topic.kept = true;
    },
    forget(name) {
      const topic = topics.get(name);
      if (!topic?.fromPattern || topic.kept || topic.held) return;
      if (topic.version === 0 && !topic.dirty) letGo(topic);
    },
    hold(name) {
      const topic = open(name);
      if (!topic) return undefined;
      topic.held = true;
      return writerOf(topic);
    },
    evict(name) {
      const topic = topics.get(name);
      if (!topic) return;
      topic.held = false;
      if (topic.fromPattern && !topic.kept) letGo(topic);
    },
    writer(name) {
      const topic = open(name);
      return topic && writerOf(topic);
    },
    revive(names) {
      for (const name of names) {
        if (declarations.find(name)?.served !== false) continue;
        if (maxTopics === 0 || topics.size < maxTopics) open(name);
      }
    },
    topics: () => topics.values(),
    onFull: (listener) => {
      makeRoom = listener;
    },
    onFlush: (listener) => void listeners.push(listener),
    flushed: () => (cancelFlush ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    close() {
      if (closed) return;
      closed = true;
      cancelFlush?.();
      if (cancelFlush) flush();
    },
  };
}

function asKind<T extends StateTopic | EventTopic>(
  topic: StateTopic | EventTopic,
  type: new (...args: never[]) => T,
): T {
  if (topic instanceof type) return topic;
  const taken =
    topic.kind === 'state' ? 'a value or a patch, not an event' : 'an event, not a value or a patch';
  throw new HeadwaterError(
    'bad_request',
    `"${topic.name}" is a topic of kind ${topic.kind}: it takes ${taken}`,
  );
}

function set(topic: StateTopic, value: Json, asOf: number): void {
  // A patch, or a copy made with what the topic holds in view, shares most of a large value with it.
  topic.set(shallowEnough(value, topic.latest, topic.name), asOf);
}

function shallowEnough(value: Json, known: Json | undefined, topic: string): Json {
  if (!isTooDeep(value, known)) return value;
  throw new HeadwaterError(
    'too_large',
    `a value for "${topic}" nests deeper than ${MAX_DEPTH} levels: flatten it`,
  );
}

/** What to throw for a name that no declaration covers. */
export function unknownTopic(name: string): HeadwaterError {
  return new HeadwaterError(
    'unknown_topic',
    `there is no topic "${name}": GET /topics lists those that exist`,
  );
}
