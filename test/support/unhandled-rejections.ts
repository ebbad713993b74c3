import { setImmediate } from 'node:timers/promises';

/**
 * Runs `body` and gives the reasons of the unhandled rejections that the runtime reported meanwhile, in place of the
 * test runner, which would fail the file for them.
 */
export async function unhandledRejections(body: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners('unhandledRejection');
  const reasons: unknown[] = [];
  const note = (reason: unknown) => reasons.push(reason);
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', note);
  try {
    await body();
    await setImmediate();
    return reasons;
  } finally {
    process.off('unhandledRejection', note);
    for (const listener of others) process.on('unhandledRejection', listener);
  }
}
