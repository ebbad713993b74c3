import { messageOf } from '../../../shared/errors.js';
import { before } from '../../async/before.js';
import type { Clock } from '../../async/clock.js';
import type { Sink, Stored } from './sink.js';

/** What a sink did so far. */
export interface SinkState {
  /** Values written. */
  writes: number;
  /** Attempts to write that failed. */
  failures: number;
  /** Values that gave way to newer ones of more than the sink may keep waiting; for a sink that holds one value that is no loss. */
  dropped: number;
  /** Why writing fails; `undefined` while it works. */
  failing: string | undefined;
}

export interface SinkWriterOptions {
  sink: Sink;
  clock: Clock;
  /** The first write waits for it: for a writer before this one that is still busy with the same place. Must not reject. */
  after?: Promise<unknown> | undefined;
  /** Hears when writing begins to fail, and when it works again: not of every attempt. */
  onTurn(state: Readonly<SinkState>, error?: unknown): void;
  /** 0 to 1, for jitter; default `Math.random`. */
  random?: () => number;
}

/** Brings the values of one topic to one sink, at the sink's pace. */
export interface SinkWriter {
  readonly state: Readonly<SinkState>;
  /** Takes a value and returns at once. */
  offer(value: Stored): void;
  /**
   * Takes no more values and tries to write those that wait, for at most `limit` ms.
   * Resolves with how many are left unwritten.
   */
  close(limit: number): Promise<number>;
}

const FIRST_BACKOFF = 500;
const LONGEST_BACKOFF = 30_000;
/** How long a write that was called off at the end may take to let go: a hanging disk cannot be called off. */
const LETTING_GO = 100;

/**
 * Writes one batch at a time. A failure is tried again after a random wait, whose limit doubles with each in a row up
 * to 30 s, or at once when the sink can be reached again: it is given its newest value then even if it had it before,
 * for it may have come back empty.
 */
export function startSinkWriter({
  sink,
  clock,
  after,
  onTurn,
  random = Math.random,
}: SinkWriterOptions): SinkWriter {
  const state: SinkState = { writes: 0, failures: 0, dropped: 0, failing: undefined };
  const running = new AbortController();
  let waiting: Stored[] = [];
  let newest: Stored | undefined;
  let failuresInARow = 0;
  let work: Promise<void> | undefined;
  let busy = false;
  let wake = () => {};
  let closed = false;

  function begin(): void {
    if (!busy) work = drain();
  }

  /** Never rejects. */
  async function drain(): Promise<void> {
    busy = true;
    if (after) await after;
    while (waiting.length > 0 && !running.signal.aborted) {
      const batch = waiting;
      waiting = [];
      try {
        await sink.write(batch, running.signal);
        state.writes += batch.length;
        succeeded();
      } catch (error) {
        waiting.unshift(...batch);
        trim();
        if (running.signal.aborted) break;
        failed(error);
        if (closed) break;
        await backoff();
      }
    }
    // In the same turn as the last look at what waits: a value offered after it finds the loop ended.
    busy = false;
  }

  function succeeded(): void {
    failuresInARow = 0;
    if (state.failing === undefined) return;
    state.failing = undefined;
    onTurn(state);
  }

  function failed(error: unknown): void {
    state.failures += 1;
    failuresInARow += 1;
    if (state.failing !== undefined) return;
    state.failing = messageOf(error);
    onTurn(state, error);
  }

  function backoff(): Promise<void> {
    const limit = Math.min(FIRST_BACKOFF * 2 ** failuresInARow, LONGEST_BACKOFF);
    return new Promise((resolve) => {
      const timer = clock.after(FIRST_BACKOFF + random() * (limit - FIRST_BACKOFF), resolve);
      wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  function trim(): void {
    const excess = waiting.length - sink.bound;
    if (excess <= 0) return;
    waiting.splice(0, excess);
    if (sink.bound > 1) state.dropped += excess;
  }

  sink.onBack?.(() => {
    if (closed) return;
    if (sink.bound === 1 && newest && waiting.length === 0) waiting.push(newest);
    wake();
    begin();
  }, running.signal);

  return {
    state,
    offer(value) {
      if (closed) return;
      newest = value;
      waiting.push(value);
      trim();
      begin();
    },
    async close(limit) {
      closed = true;
      wake();
      const inTime = !work || (await before(work, limit));
      running.abort();
      if (work && !inTime) await before(work, LETTING_GO);
      return waiting.length;
    },
  };
}
