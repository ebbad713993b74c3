import { onStop } from './owner.js';

/**
 * A promise for something that starts no work of its own and so needs no task: a timer, a place in a line. It rejects
 * with a `CancelledError` when `signal` is aborted or its task ends. `begin` sets things up and returns what takes
 * them down, which is called once, whichever way it ends. A cancellation that nobody awaits is no unhandled rejection.
 */
export function interruptible<T>(
  signal: AbortSignal | undefined,
  begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  let open = true;
  let takeDown = () => {};
  const close = () => {
    open = false;
    takeDown();
    ignoreSignal();
  };
  let ignoreSignal = () => {};
  ignoreSignal = onStop(signal, (reason) => {
    close();
    promise.catch(() => {});
    reject(reason);
  });
  if (open) {
    const undo = begin(
      (value) => {
        close();
        resolve(value);
      },
      (error) => {
        close();
        reject(error);
      },
    );
    if (open) takeDown = undo;
    else undo();
  }
  return promise;
}
