import type { ErrorListener, WatchOptions } from './options.js';
import { createPendingUpdates } from './pending-updates.js';
import type { Subscriptions } from './subscriptions.js';
import type { Update } from './update.js';

/** Listens to a topic while the iteration runs; what the loop has not taken yet waits within a bound. */
export async function* watch(
  subscriptions: Subscriptions,
  topic: string,
  { signal, ...options }: WatchOptions,
  reportError: ErrorListener,
): AsyncGenerator<Update, void, undefined> {
  signal?.throwIfAborted();
  const pending = createPendingUpdates();
  let end: { error?: unknown } | undefined;
  let wake: () => void = () => undefined;

  const stop = subscriptions.listen(
    topic,
    {
      update(update) {
        pending.push(update);
        wake();
      },
      error(error, final) {
        if (!final) return reportError(error);
        end = { error };
        wake();
      },
      end() {
        end = {};
        wake();
      },
    },
    options,
  );
  const aborted = () => wake();
  signal?.addEventListener('abort', aborted, { once: true });

  try {
    while (true) {
      signal?.throwIfAborted();
      const update = pending.shift();
      if (update) yield update;
      else if (!end) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if ('error' in end) throw end.error;
      else return;
    }
  } finally {
    signal?.removeEventListener('abort', aborted);
    stop();
  }
}
