import { interruptible } from './interruptible.js';
import { RunningTask, running } from './running-task.js';
import { type Runnable, requireOwner, type Task, type TaskOptions } from './task.js';

/**
 * Waits for work that a cancellation from outside does not reach (`asyncio.shield`): when `signal` is aborted the
 * shield is cancelled at once and the inner work goes on. Its owner, the task `signal` belongs to, awaits it before it
 * ends, and fails with its error if nobody else takes it. Cancelling the inner task itself still cancels it. Called
 * when `signal` was aborted before, as clean-up code does, it simply waits. Throws `no_owner` where it would start a
 * function that no task owns.
 */
export function shield<T>(runnable: Runnable<T>, options: TaskOptions = {}): Task<T> {
  let inner: RunningTask<T>;
  if (typeof runnable === 'function') {
    requireOwner(options.signal, 'shield');
    inner = new RunningTask<T>(options, runnable.name, true).begin(runnable);
  } else {
    inner = running(runnable);
    inner.shield();
  }
  const outer = new RunningTask<T>({ ...options, name: undefined }, 'shield', options.signal?.aborted);
  return outer.begin((signal) =>
    interruptible(signal, (resolve, reject) =>
      inner.onEnd(() => {
        // Looked at only here: once the shield was cancelled, a failure is the owner's to look after.
        try {
          resolve(inner.result());
        } catch (error) {
          reject(error);
        }
      }),
    ),
  );
}
