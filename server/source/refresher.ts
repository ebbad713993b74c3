import { equal } from '../../shared/equal.js';
import { HeadwaterError } from '../../shared/errors.js';
import type { Clock, Timer } from '../async/clock.js';
import type { TopicWriter } from '../store/store.js';
import { Demand, LINGER } from './demand.js';
import { elapsedAt } from './fetched-at.js';
import { createRacer, type Racer } from './race.js';
import { createSchedule, QUOTA_RECHECK } from './schedule.js';
import type { Fetched, Source } from './source.js';
import { reasonOf, SourceError, timedOut } from './source-error.js';

export interface RefresherOptions {
  source: Source;
  /** What the values go to. */
  topic: Pick<TopicWriter, 'set' | 'checked' | 'fail' | 'latest'>;
  /** Milliseconds from the start of one fetch to the start of the next. */
  every: number;
  /** The longest interval, in ms: it grows up to this while nothing changes. Default `every`: it never grows. */
  adaptive?: number | undefined;
  /** How old, in ms, what is read may be before it is fetched anew; default `every`. */
  maxAge?: number | undefined;
  /** Milliseconds that a fetch or a race may take before it is aborted; default 30,000. A source may have a shorter bound of its own. */
  timeout?: number;
  /** `subscribed`: runs only while there is demand. */
  when: 'always' | 'subscribed';
  /** Milliseconds that a `subscribed` source goes on after the last subscriber left; default 30,000. */
  linger?: number;
  /** When what the topic holds was fetched, where that was before this refresher: it is asked again when that is due. */
  fetchedAt?: number | undefined;
  clock: Clock;
  /** Hears of every failed fetch, with the error whole: for the log. */
  onError?: (error: unknown) => void;
  /** Hears of every other fetch. */
  onSuccess?: () => void;
  /** 0 to 1, for jitter; default `Math.random`. */
  random?: () => number;
}

/** What a refresher did so far. Times are ms since the epoch. */
export interface RefresherState {
  lastStart: number | undefined;
  lastSuccess: number | undefined;
  /** Of the last fetch; `undefined` if that was a success. */
  lastError: unknown;
  fetches: number;
  failures: number;
  running: boolean;
}

/** The owner of one source: says when it is fetched, and brings what it gives to its topic. */
export interface Refresher {
  readonly state: Readonly<RefresherState>;
  /** False while a source that always runs has not been asked to the end once. */
  readonly ready: boolean;
  /**
   * Fetches now and resolves when that is over, well or badly; calls during a fetch share it.
   * @throws {HeadwaterError} `closed`
   */
  refresh(): Promise<void>;
  /**
   * Resolves when the topic is as fresh as its reader wants it: at once where the last fetch is younger than `maxAge`
   * (ms; default: the source's own; no less counts than `every`, or the source's own if that is less) or fetches that
   * often run anyway, otherwise after a fetch, which all who wait share. Leaves a source alone that is failing, until
   * its next turn, and one whose quota affords no fetch now.
   */
  freshen(maxAge?: number): Promise<void>;
  /** Asks the source's URLs now, as {@link Racer.run} says; the answer does not go to the topic. Absent: it has no URLs. */
  readonly race?: Racer['run'] | undefined;
  /** Whether anybody subscribes. */
  setDemand(subscribed: boolean): void;
  /** Aborts the fetch in work and resolves when nothing is left. Idempotent. */
  close(): Promise<void>;
}

const TIMEOUT = 30_000;

/** The state to begin with; `fetchedAt`: when what the topic holds already was fetched. */
export function refresherState(fetchedAt?: number): RefresherState {
  return {
    lastStart: fetchedAt,
    lastSuccess: fetchedAt,
    lastError: undefined,
    fetches: 0,
    failures: 0,
    running: false,
  };
}

/**
 * Runs a source: at once when it starts or demand comes back (if the last fetch is older than `every`), then as
 * {@link createSchedule} says. A failing fetch makes the topic stale; the first success makes it fresh again.
 * Of errors other than {@link HeadwaterError}, clients only learn that the source failed.
 */
export function startRefresher(options: RefresherOptions): Refresher {
  const { source, topic, every, adaptive, maxAge = every, when, clock } = options;
  const { timeout = TIMEOUT, linger = LINGER, fetchedAt, onError, onSuccess, random = Math.random } = options;
  const state = refresherState(fetchedAt);
  const schedule = createSchedule({ every, adaptive, random });
  /** When the last fetch began, by the time that nobody sets. */
  let lastStart = elapsedAt(fetchedAt, clock);
  if (lastStart !== undefined) schedule.started(lastStart);
  const racer = source.race && createRacer({ label: source.label, race: source.race, timeout, clock });
  /** Aborts when the refresher stops running: for lack of demand, or for good. */
  let active: AbortController | undefined;
  let fetching: { done: Promise<void>; controller: AbortController } | undefined;
  let timer: Timer | undefined;
  /** The source reported a change during a fetch that may have begun before it. */
  let changedMeanwhile = false;
  /** When the last fetch began that is over. */
  let settledStart = lastStart;
  /** While active: whether its fetches have caught up with a pause before. */
  let caughtUp = false;
  let closed = false;

  const affordable = () => source.affordable?.() ?? 0;

  function start(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    fetching ??= begin();
    return fetching.done;
  }

  function begin(): { done: Promise<void>; controller: AbortController } {
    const controller = new AbortController();
    const deadline = clock.after(timeout, () => controller.abort(timedOut(source.label, timeout)));
    const started = clock.elapsed();
    lastStart = started;
    state.lastStart = clock.now();
    state.fetches += 1;
    state.running = true;
    schedule.started(started);
    const done = fetchOnce(controller.signal).then(() => {
      deadline.cancel();
      fetching = undefined;
      state.running = false;
      settledStart = started;
      caughtUp = active !== undefined;
      planNext();
    });
    return { done, controller };
  }

  /** Never rejects. */
  async function fetchOnce(signal: AbortSignal): Promise<void> {
    try {
      const fetched = await source.fetch({ signal, previous: topic.latest });
      if (closed) return;
      const changed = adaptive === undefined || isNews(fetched);
      if (fetched.kind === 'value') topic.set(fetched.value, clock.now());
      else topic.checked(clock.now());
      state.lastSuccess = clock.now();
      state.lastError = undefined;
      schedule.succeeded(changed);
      onSuccess?.();
    } catch (error) {
      if (closed) return;
      state.lastError = error;
      state.failures += 1;
      schedule.failed(clock.elapsed(), error instanceof SourceError ? error.retryAfter : undefined);
      topic.fail(reasonOf(source.label, error));
      onError?.(error);
    }
  }

  function isNews(fetched: Fetched): boolean {
    if (fetched.kind !== 'value') return false;
    const { latest } = topic;
    return latest === undefined || !equal(latest, fetched.value);
  }

  function planNext(): void {
    if (closed || !active) return;
    if (changedMeanwhile) {
      changedMeanwhile = false;
      void start();
    } else plan();
  }

  function plan(): void {
    timer?.cancel();
    const now = clock.elapsed();
    const quota = affordable();
    const wait = schedule.next(now, quota) - now;
    timer =
      quota > every && wait > QUOTA_RECHECK ? clock.after(QUOTA_RECHECK, plan) : clock.after(wait, start);
  }

  function wake(): void {
    if (active) return;
    active = new AbortController();
    source.watch?.(changed, active.signal);
    source.enlist?.(active.signal);
    schedule.quicken();
    if (fetching) return;
    const now = clock.elapsed();
    const old = isOld(lastStart, every);
    caughtUp = !old;
    if (old && now >= schedule.notBefore(affordable())) {
      schedule.restart();
      void start();
    } else plan();
  }

  function rest(): void {
    active?.abort();
    active = undefined;
    timer?.cancel();
    timer = undefined;
    changedMeanwhile = false;
  }

  /** Somebody new looks at what runs already: an interval that has grown is short again. */
  function quicken(): void {
    schedule.quicken();
    if (timer) plan();
  }

  function changed(): void {
    if (!active) return;
    if (fetching) changedMeanwhile = true;
    else void start();
  }

  function isOld(since: number | undefined, limit: number): boolean {
    return since === undefined || clock.elapsed() - since >= limit;
  }

  const demand = new Demand({ wake, rest }, { when, linger, clock });

  return {
    state,
    get ready() {
      return when === 'subscribed' || settledStart !== undefined;
    },
    async refresh() {
      if (closed)
        throw new HeadwaterError('closed', `${source.label} is no longer fetched: the server stops`);
      await start();
    },
    async freshen(wanted = maxAge) {
      const limit = Math.max(wanted, Math.min(every, maxAge));
      const kept = active && caughtUp && schedule.width(affordable()) <= limit;
      if (closed || kept || !isOld(settledStart, limit)) return;
      if (fetching) await fetching.done;
      else if (clock.elapsed() >= schedule.notBefore(affordable())) await start();
    },
    race: racer?.run,
    setDemand(subscribed) {
      if (active && subscribed) quicken();
      demand.set(subscribed);
    },
    async close() {
      closed = true;
      demand.close();
      fetching?.controller.abort(
        new HeadwaterError('aborted', `the fetch of ${source.label} was called off: the server stops`),
      );
      await Promise.all([fetching?.done, racer?.close()]);
    },
  };
}
