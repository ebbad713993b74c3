import { HeadwaterError } from '../../shared/errors.js';
import type { Clock, Timer } from '../async/clock.js';
import type { TopicWriter } from '../store/store.js';
import { createSchedule } from './schedule.js';
import type { Source } from './source.js';
import { SourceError, timedOut } from './source-error.js';

export interface RefresherOptions {
  source: Source;
  /** What the values go to. */
  topic: Pick<TopicWriter, 'set' | 'checked' | 'fail' | 'latest'>;
  /** Milliseconds from the start of one fetch to the start of the next. */
  every: number;
  /** Milliseconds that a fetch may take before it is aborted; default 30,000. A source may have a shorter bound of its own. */
  timeout?: number;
  /** `subscribed`: runs only while there is demand. */
  when: 'always' | 'subscribed';
  /** Milliseconds that a `subscribed` source goes on after the last subscriber left; default 30,000. */
  linger?: number;
  clock: Clock;
  /** Hears of every failed fetch, with the error whole: for the log. */
  onError?: (error: unknown) => void;
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
   * Resolves when the topic is as fresh as it should be: at once while the refresher runs or the last fetch is
   * younger than `every`, otherwise after a fetch. Leaves a source alone that is failing, until its next turn.
   */
  freshen(): Promise<void>;
  /** Whether anybody subscribes. */
  setDemand(subscribed: boolean): void;
  /** Aborts the fetch in work and resolves when nothing is left. Idempotent. */
  close(): Promise<void>;
}

const TIMEOUT = 30_000;
const LINGER = 30_000;
const REASON_CHARACTERS = 300;

/**
 * Runs a source: at once when it starts or demand comes back (if the last fetch is older than `every`), then as
 * {@link createSchedule} says. A failing fetch makes the topic stale; the first success makes it fresh again.
 * Of errors other than {@link HeadwaterError}, clients only learn that the source failed.
 */
export function startRefresher(options: RefresherOptions): Refresher {
  const { source, topic, every, when, clock } = options;
  const { timeout = TIMEOUT, linger = LINGER, onError, random = Math.random } = options;
  const state: RefresherState = {
    lastStart: undefined,
    lastSuccess: undefined,
    lastError: undefined,
    fetches: 0,
    failures: 0,
    running: false,
  };
  const schedule = createSchedule({ every, random });
  /** Aborts when the refresher stops running: for lack of demand, or for good. */
  let active: AbortController | undefined;
  let fetching: { done: Promise<void>; controller: AbortController } | undefined;
  let timer: Timer | undefined;
  let lingering: Timer | undefined;
  /** The source reported a change during a fetch that may have begun before it. */
  let changedMeanwhile = false;
  let settledOnce = false;
  let closed = false;

  function start(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    fetching ??= begin();
    return fetching.done;
  }

  function begin(): { done: Promise<void>; controller: AbortController } {
    const controller = new AbortController();
    const deadline = clock.after(timeout, () => controller.abort(timedOut(source.label, timeout)));
    const started = clock.now();
    state.lastStart = started;
    state.fetches += 1;
    state.running = true;
    schedule.started(started);
    const done = fetchOnce(controller.signal).then(() => {
      deadline.cancel();
      fetching = undefined;
      state.running = false;
      settledOnce = true;
      planNext();
    });
    return { done, controller };
  }

  /** Never rejects. */
  async function fetchOnce(signal: AbortSignal): Promise<void> {
    try {
      const fetched = await source.fetch({ signal, previous: topic.latest });
      if (closed) return;
      if (fetched.kind === 'value') topic.set(fetched.value, clock.now());
      else topic.checked(clock.now());
      state.lastSuccess = clock.now();
      state.lastError = undefined;
      schedule.succeeded();
    } catch (error) {
      if (closed) return;
      state.lastError = error;
      state.failures += 1;
      schedule.failed(clock.now(), error instanceof SourceError ? error.retryAfter : undefined);
      topic.fail(reasonOf(source, error));
      onError?.(error);
    }
  }

  function planNext(): void {
    if (closed || !active) return;
    if (changedMeanwhile) {
      changedMeanwhile = false;
      void start();
      return;
    }
    const now = clock.now();
    timer = clock.after(schedule.next(now) - now, start);
  }

  function activate(): void {
    if (active || closed) return;
    active = new AbortController();
    source.watch?.(changed, active.signal);
    const now = clock.now();
    if (fetching) return;
    if (isOld(now) && now >= schedule.notBefore) {
      schedule.restart();
      void start();
    } else timer = clock.after(schedule.next(now) - now, start);
  }

  function deactivate(): void {
    active?.abort();
    active = undefined;
    timer?.cancel();
    timer = undefined;
    changedMeanwhile = false;
  }

  function changed(): void {
    if (!active) return;
    if (fetching) changedMeanwhile = true;
    else void start();
  }

  function isOld(now: number): boolean {
    return state.lastStart === undefined || now - state.lastStart >= every;
  }

  if (when === 'always') activate();

  return {
    state,
    get ready() {
      return when === 'subscribed' || settledOnce;
    },
    async refresh() {
      if (closed)
        throw new HeadwaterError('closed', `${source.label} is no longer fetched: the server stops`);
      await start();
    },
    async freshen() {
      if (fetching && (!active || !settledOnce)) await fetching.done;
      const now = clock.now();
      if (closed || active || !isOld(now) || now < schedule.notBefore) return;
      await start();
    },
    setDemand(subscribed) {
      if (when === 'always' || closed) return;
      lingering?.cancel();
      lingering = undefined;
      if (subscribed) activate();
      else if (active) lingering = clock.after(linger, deactivate);
    },
    async close() {
      closed = true;
      lingering?.cancel();
      deactivate();
      fetching?.controller.abort(
        new HeadwaterError('aborted', `the fetch of ${source.label} was called off: the server stops`),
      );
      await fetching?.done;
    },
  };
}

function reasonOf(source: Source, error: unknown): string {
  const text = error instanceof HeadwaterError ? error.message : `${source.label} failed`;
  const line = text.split('\n', 1)[0]!;
  return line.length > REASON_CHARACTERS ? `${line.slice(0, REASON_CHARACTERS - 3)}...` : line;
}
