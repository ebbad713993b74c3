import type { DefectReporter } from './policy.js';

/**
 * Runs a callback of the caller's. One that throws is a defect of the caller: it is reported with the place it
 * happened, and `cut` ends the connection concerned, whose state nobody can vouch for any more.
 */
export function guarded(work: () => void, cut: () => void, report: DefectReporter, where: string): void {
  try {
    work();
  } catch (error) {
    report(error, where);
    cut();
  }
}

/** Where no reporter was given a defect is thrown on a turn of its own, so that it ends as an uncaught exception. */
export const throwLater: DefectReporter = (error) => {
  setImmediate(() => {
    throw error;
  });
};
