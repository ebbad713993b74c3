import type { UwsResponse } from './uws-native.js';

/**
 * uWebSockets.js cuts a response that took nothing for 10 s, by a clock that ticks every 4 s: in the third tick, so
 * after 8 s at the least. Every tick of ours begins those anew, and one that is late by as much does no harm.
 */
const TICK_MS = 4000;
/** A short slow time-out is looked after more closely. */
const TICKS_A_TIMEOUT = 4;

/** An answer of which something waits for its reader. */
export interface WaitingAnswer {
  /** Called with every tick. `stalled`: its reader has taken nothing for the slow time-out. */
  tick(stalled: boolean): void;
}

/** All answers of a server that wait for their readers. One timer serves them; while there are none it does not run. */
export interface WaitingAnswers {
  /** From now on it waits; if it did already, its reader took something. */
  add(answer: WaitingAnswer): void;
  delete(answer: WaitingAnswer): void;
}

/** `slowTimeout`: in ms; 0: nobody is called stalled. */
export function waitingAnswers(slowTimeout: number): WaitingAnswers {
  const period = slowTimeout > 0 ? Math.min(TICK_MS, Math.ceil(slowTimeout / TICKS_A_TIMEOUT)) : TICK_MS;
  // The first tick comes at any time within a period. Ticks are counted, not time: while the event loop was held,
  // nobody saw what a reader took.
  const patience = slowTimeout > 0 ? Math.ceil(slowTimeout / period) + 1 : Number.POSITIVE_INFINITY;
  const ticks = new Map<WaitingAnswer, number>();
  let timer: NodeJS.Timeout | undefined;

  const tickAll = (): void => {
    for (const answer of [...ticks.keys()]) {
      const count = ticks.get(answer);
      if (count === undefined) continue;
      ticks.set(answer, count + 1);
      answer.tick(count + 1 >= patience);
    }
  };

  return {
    add(answer) {
      ticks.set(answer, 0);
      timer ??= setInterval(tickAll, period);
    },
    delete(answer) {
      if (!ticks.delete(answer) || ticks.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** Begins the 10 s anew, though nothing can be written: no other call does that for an answer of any kind. */
export function keepWaiting(res: UwsResponse): void {
  res.pause();
  res.resume();
}
