import { sleep } from '../../server/async/index.js';

/** Work that gives `value` after `delay` ms. */
export const valueAfter =
  <T>(delay: number, value: T) =>
  (signal: AbortSignal) =>
    sleep(delay, { signal, result: value });

/** Work that throws an error with `message` after `delay` ms. */
export const failAfter = (delay: number, message: string) => async (signal: AbortSignal) => {
  await sleep(delay, { signal });
  throw new Error(message);
};

/** Work that only ends when it is cancelled. */
export const forever = (signal: AbortSignal) => sleep(Number.POSITIVE_INFINITY, { signal });
