import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { SourceError } from '../source-error.js';
import { labelOf, type TransformReply } from './job.js';
import { TRANSFORM_MAIN, type TransformPlace } from './place.js';

const MOST_THREADS = 4;

/** Threads for one transform: one is kept warm, more come as its topics need them at once. */
export function threadPlace(): TransformPlace {
  const width = Math.min(availableParallelism(), MOST_THREADS);
  const pool = new Piscina({
    filename: TRANSFORM_MAIN,
    name: 'perform',
    minThreads: 1,
    maxThreads: width,
    // A thread that waits in a lock between jobs would hold up what a transform left running.
    atomics: 'disabled',
    recordTiming: false,
  });
  // The job that met it fails with it; there is nothing else to tell.
  pool.on('error', () => {});

  return {
    width,
    async perform(job, signal, begun) {
      const { port1, port2 } = new MessageChannel();
      port1.once('message', begun);
      try {
        const task = { ...job, begun: port2 };
        return (await pool.run(task, { signal, transferList: [port2] })) as TransformReply;
      } catch (cause) {
        if (signal.aborted) throw signal.reason;
        throw new SourceError(`${labelOf(job.module)} ended its thread`, { cause, defect: true });
      } finally {
        port1.close();
      }
    },
    close: () => pool.destroy(),
  };
}
