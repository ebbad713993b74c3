import { HeadwaterError } from '../../../shared/errors.js';
import { interruptible } from '../../async/interruptible.js';
import { Demand, LINGER } from '../demand.js';
import { type Refresher, refresherState } from '../refresher.js';
import { reasonOf, SourceError } from '../source-error.js';
import { type ConnectionOptions, type FollowerStats, followConnection, StreamEnded } from './following.js';
import { createReconnect } from './reconnect.js';

export interface FollowerOptions extends ConnectionOptions {
  /** `subscribed`: connects only while there is demand. */
  when: 'always' | 'subscribed';
  /** Milliseconds that a `subscribed` source goes on after the last subscriber left; default 30,000. */
  linger?: number | undefined;
  /** Hears of every end of a connection and every message that is no good, with the error whole: for the log. */
  onError?: (error: unknown) => void;
  /**
   * Hears that the topic was kept with a position which is none in this stream, or in what is taken of it: it is
   * followed as if for the first time.
   */
  onForeignPosition?: () => void;
  /** Runs what follows the upstream while it is active; default: just so. */
  run?: (work: () => Promise<void>) => PromiseLike<void>;
  /** 0 to 1, for jitter; default `Math.random`. */
  random?: () => number;
}

/** The owner of one push source. */
export interface Follower extends Refresher {
  readonly stats: Readonly<FollowerStats>;
}

/** So long a `refresh` or `freshen` waits for a first message. */
const FIRST_MESSAGE = 10_000;

/**
 * Follows an upstream that sends by itself: connects when it starts or demand comes, and again when the connection
 * ends, as {@link createReconnect} says. The topic is stale from the end of a connection until the next one vouches for
 * it. Where a connection stopped, the next one goes on, if the source can; and so does the first, where the topic was
 * kept over a restart and is still fed by the same stream. What was kept is as old as its `asOf` says, and no more
 * stale than it was, until a connection fails; but a value of another stream is stale until this one brings its own.
 *
 * As a {@link Refresher} it connects anew to `refresh` (an event topic that is connected has nothing to refresh), and
 * is woken to `freshen`; both wait for the first message or failure, at most 10 s. The state counts connections as
 * fetches.
 */
export function startFollower(options: FollowerOptions): Follower {
  const { source, topic, kind, when, clock, linger = LINGER, onError, random = Math.random } = options;
  const { run = (work) => work() } = options;
  const state = refresherState();
  const stats: FollowerStats = { connected: false, connects: 0, failures: 0, messages: 0, faults: 0 };
  const reconnect = createReconnect({ random });
  const waiting = new Set<() => void>();
  /** Aborts when the follower stops: for lack of demand, or for good. */
  let active: AbortController | undefined;
  /** Resolves when nothing of the last activation is left. */
  let ended: Promise<void> = Promise.resolve();
  let connection: AbortController | undefined;
  /** Ends the pause before the next connection. */
  let wake: (() => void) | undefined;
  /** There is a reason not to wait before the next connection. */
  let hurry = false;
  const origin = originOfPositions(options);
  let position = keptPosition(options, origin);
  let settled = false;
  let settledOnce = false;
  let closed = false;

  function settle(): void {
    settled = true;
    settledOnce = true;
    for (const resolve of [...waiting]) resolve();
  }

  function failed(error: unknown): void {
    state.lastError = error;
    topic.fail(reasonOf(source.label, error));
    onError?.(error);
  }

  /** Never rejects. */
  async function connectOnce(signal: AbortSignal): Promise<void> {
    const own = new AbortController();
    const end = () => own.abort(signal.reason);
    signal.addEventListener('abort', end);
    connection = own;
    hurry = false;
    state.lastStart = clock.now();
    state.fetches += 1;
    state.running = true;
    try {
      await followConnection(
        { ...options, after: position, stats, signal: own.signal },
        {
          opened: () => reconnect.opened(clock.elapsed()),
          settled() {
            state.lastSuccess = clock.now();
            state.lastError = undefined;
            settle();
          },
          fault(error) {
            failed(error);
            settle();
          },
          moved: (at) => {
            position = at;
            if (origin !== undefined) topic.stand({ origin, at });
          },
        },
      );
    } catch (error) {
      if (own.signal.aborted) return;
      stats.failures += 1;
      state.failures += 1;
      const retryAfter = error instanceof SourceError ? error.retryAfter : undefined;
      const orderly = error instanceof StreamEnded;
      reconnect.ended(clock.elapsed(), { orderly, pause: source.pause, retryAfter });
      failed(error);
      settle();
    } finally {
      signal.removeEventListener('abort', end);
      connection = undefined;
      stats.connected = false;
      state.running = false;
    }
  }

  /** Never rejects. */
  async function follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pauseUntil(reconnect.notBefore, signal);
      if (!signal.aborted) await connectOnce(signal);
    }
  }

  /** Resolves at the time, at once if that has passed, or when the follower is woken or stopped. */
  async function pauseUntil(time: number, signal: AbortSignal): Promise<void> {
    if (hurry || time <= clock.elapsed()) return;
    const pause = interruptible<void>(signal, (resolve) => {
      wake = resolve;
      const timer = clock.after(time - clock.elapsed(), resolve);
      return () => {
        wake = undefined;
        timer.cancel();
      };
    });
    // Whoever stops the follower knows why.
    await pause.catch(() => {});
  }

  function connectSoon(): void {
    hurry = true;
    wake?.();
  }

  function wakeUp(): void {
    if (active) return;
    const own = new AbortController();
    active = own;
    settled = false;
    source.watch?.(connectSoon, own.signal);
    // After a quick change of mind the last activation may still be ending.
    const before = ended;
    ended = (async () => {
      await before;
      await run(() => follow(own.signal));
    })();
  }

  function rest(): void {
    active?.abort(new HeadwaterError('aborted', `${source.label} is no longer followed`));
    active = undefined;
    for (const resolve of [...waiting]) resolve();
  }

  /** Resolves when the connection has brought a first message or has failed, or when that takes too long. */
  async function firstMessage(): Promise<void> {
    if (settled) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        waiting.delete(done);
        timer.cancel();
        resolve();
      };
      const timer = clock.after(FIRST_MESSAGE, done);
      waiting.add(done);
    });
  }

  const demand = new Demand({ wake: wakeUp, rest }, { when, linger, clock });

  return {
    state,
    stats,
    get ready() {
      return when === 'subscribed' || settledOnce || stats.connected;
    },
    async refresh() {
      if (closed)
        throw new HeadwaterError('closed', `${source.label} is no longer followed: the server stops`);
      if (kind === 'event' && stats.connected) return;
      // Until this connection has settled, it is as new as another would be.
      if (settled) {
        settled = false;
        connection?.abort(new HeadwaterError('aborted', `${source.label} is connected to anew`));
      }
      demand.touch();
      connectSoon();
      await firstMessage();
    },
    async freshen() {
      if (closed || (!active && clock.elapsed() < reconnect.notBefore)) return;
      demand.touch();
      await firstMessage();
    },
    setDemand: (subscribed) => demand.set(subscribed),
    async close() {
      closed = true;
      demand.close();
      await ended;
    },
  };
}

/** What a transform made of a message is as old as its code: the next process starts a value anew; events go on. */
function originOfPositions({ source, kind, transform }: FollowerOptions): string | undefined {
  return kind === 'state' && transform ? undefined : source.originFor?.(kind);
}

function keptPosition(
  { source, topic, onForeignPosition }: FollowerOptions,
  origin: string | undefined,
): string | undefined {
  const { position } = topic.view;
  if (!position) return undefined;
  if (position.origin === origin) return position.at;
  // Or it would be taken for true when the topic is pointed back, with what others made of it meanwhile.
  topic.stand(undefined);
  // Events stay what they were; a value says how things are.
  if (topic.latest !== undefined) {
    topic.fail(`kept from another source, or another selection of it; ${source.label} has sent nothing yet`);
  }
  onForeignPosition?.();
  return undefined;
}
