import { fileURLToPath } from 'node:url';
import type { TransformJob, TransformReply } from './job.js';

/** Somewhere that transforms run. */
export interface TransformPlace {
  /** How many jobs it does at once; more are not given to it. */
  readonly width: number;
  /**
   * Does a job. When `signal` aborts, whatever does it is ended, and replaced for the next one. `begun` is called when
   * the module is loaded, whatever had to be started for that, and the call itself begins.
   * @throws {SourceError} the thread or process died of it; what aborts `signal`
   */
  perform(job: TransformJob, signal: AbortSignal, begun: () => void): Promise<TransformReply>;
  /** Ends what runs, and resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** The file that a thread or process for transforms begins with, whether this runs built or from its sources. */
export const TRANSFORM_MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main-source.mjs' : './main.js', import.meta.url),
);
