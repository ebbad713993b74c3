import { performance } from 'node:perf_hooks';
import { HeadwaterError } from '../../shared/errors.js';
import type { Clock } from '../async/clock.js';
import { unlessAborted } from './function.js';
import type { RaceWin } from './source.js';
import { timedOut } from './source-error.js';

/** What became of a race. */
export interface RaceResult extends RaceWin {
  /** Milliseconds that it took. */
  elapsed: number;
}

/** Runs the races of one source, one at a time: who asks while one is on shares it. */
export interface Racer {
  /**
   * The result of a race. When `signal` aborts, this caller leaves; when all have left, the race is called off.
   * @throws {HeadwaterError} why there is no winner; `closed`; what aborted `signal`
   */
  run(signal: AbortSignal): Promise<RaceResult>;
  /** Calls the race off and resolves when nothing of it is left. Idempotent. */
  close(): Promise<void>;
}

interface Race {
  readonly controller: AbortController;
  readonly result: Promise<RaceResult>;
  waiting: number;
}

export interface RacerOptions {
  /** For messages, without secrets. */
  label: string;
  race: (signal: AbortSignal) => Promise<RaceWin>;
  /** Milliseconds that a race may take. */
  timeout: number;
  clock: Clock;
}

export function createRacer({ label, race, timeout, clock }: RacerOptions): Racer {
  /** The one that may be shared. */
  let current: Race | undefined;
  /** It, and those that were called off and have not ended yet. */
  const open = new Set<Race>();
  let closed = false;

  function begin(): Race {
    const controller = new AbortController();
    const deadline = clock.after(timeout, () => controller.abort(timedOut(label, timeout)));
    const startedAt = performance.now();
    const result = race(controller.signal)
      .then((win) => ({ ...win, elapsed: performance.now() - startedAt }))
      .finally(() => {
        deadline.cancel();
        open.delete(begun);
        if (current === begun) current = undefined;
      });
    // Its waiters are told; they may all have left.
    result.catch(() => {});
    const begun: Race = { controller, result, waiting: 0 };
    open.add(begun);
    return begun;
  }

  return {
    async run(signal) {
      if (closed) throw new HeadwaterError('closed', `${label} is no longer fetched: the server stops`);
      signal.throwIfAborted();
      current ??= begin();
      const joined = current;
      joined.waiting += 1;
      try {
        return await unlessAborted(signal, () => joined.result);
      } finally {
        joined.waiting -= 1;
        if (joined.waiting === 0 && current === joined) {
          current = undefined;
          joined.controller.abort(calledOff(label, 'nobody waits for it'));
        }
      }
    },
    async close() {
      closed = true;
      current = undefined;
      for (const { controller } of open) controller.abort(calledOff(label, 'the server stops'));
      await Promise.allSettled([...open].map(({ result }) => result));
    },
  };
}

function calledOff(label: string, why: string): HeadwaterError {
  return new HeadwaterError('aborted', `the race of ${label} was called off: ${why}`);
}
