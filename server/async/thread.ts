import { Worker } from 'node:worker_threads';
import { AsyncError } from './errors.js';
import { type CallReply, type CallRequest, WORKER_SOURCE } from './executor-worker.js';
import { interruptible } from './interruptible.js';

/** A worker thread that makes one call at a time. */
export interface Thread {
  /** False once it has died or was ended. */
  readonly alive: boolean;
  /** Makes a call; rejects when it is interrupted or the thread dies, and the thread has to be ended then. */
  call(request: CallRequest, signal: AbortSignal): Promise<CallReply>;
  /** Resolves when the thread is gone. */
  end(): Promise<void>;
}

/** Starts a thread. `onStray`: it died between calls, of something that a call had left running in it. */
export function startThread(onStray: (error: unknown) => void): Thread {
  const worker = new Worker(WORKER_SOURCE, { eval: true });
  let alive = true;
  let current: { resolve(reply: CallReply): void; reject(error: unknown): void } | undefined;

  const die = (cause: Error) => {
    if (!alive) return;
    alive = false;
    const message = `The worker thread ended ${current ? 'during' : 'after'} the call: ${cause.message}.`;
    const error = new AsyncError('worker_lost', message, { cause });
    if (current) current.reject(error);
    else onStray(error);
  };
  worker.on('message', (reply: CallReply) => current?.resolve(reply));
  worker.on('messageerror', (error) => current?.reject(error));
  worker.on('error', die);
  worker.on('exit', (code) => die(new Error(`exit code ${code}`)));

  return {
    get alive() {
      return alive;
    },
    call: (request, signal) =>
      interruptible<CallReply>(signal, (resolve, reject) => {
        current = { resolve, reject };
        worker.ref();
        try {
          worker.postMessage(request);
        } catch (error) {
          reject(error);
        }
        return () => {
          current = undefined;
          worker.unref();
        };
      }),
    async end() {
      alive = false;
      await worker.terminate();
    },
  };
}
