import { performance } from 'node:perf_hooks';

/** Work that held the event loop too long. */
export interface Hold {
  where: string;
  /** Milliseconds, without what was told of work inside it. */
  held: number;
}

/** What holds the loop for so many ms is told. */
export const HOLD = 100;

const listeners = new Set<(hold: Hold) => void>();
let told = 0;

/**
 * Runs `work`, which is over when it returns; if it holds the event loop for over {@link HOLD}, all listeners of the
 * process are told `where`. Only then is `where` called. Costs two looks at the clock, and next to nothing while nobody
 * listens.
 */
export function named<T>(where: () => string, work: () => T): T {
  if (listeners.size === 0) return work();
  const began = performance.now();
  const before = told;
  try {
    return work();
  } finally {
    const held = performance.now() - began - (told - before);
    if (held >= HOLD) {
      told += held;
      const hold = { where: where(), held };
      for (const listener of listeners) listener(hold);
    }
  }
}

/** Listens until what it returns is called. */
export function onHold(listener: (hold: Hold) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Milliseconds of all holds so far that were told, or would have been. */
export function heldSoFar(): number {
  return told;
}
