import type { EdgeContext } from './context.js';
import type { Exchange } from './exchange.js';

/**
 * Resolves at the topic's next change, after `wait` seconds, when the client leaves or when the hub closes.
 * @throws {HeadwaterError} where the gatekeeper or the topic admits nobody more
 */
export async function awaitChange(
  { clock, gatekeeper, hub }: Pick<EdgeContext, 'clock' | 'gatekeeper' | 'hub'>,
  { gone, request }: Pick<Exchange, 'gone'> & { readonly request: { readonly remoteAddress: string } },
  topic: string,
  wait: number,
): Promise<void> {
  // The client may have left during a fetch: its abort has been and gone.
  if (gone.aborted) return;
  const guest = gatekeeper.admit(request.remoteAddress, 'long-poll');
  const cleanups = [() => guest.leave()];
  try {
    await new Promise<void>((resolve) => {
      // Before anything is begun: the hub may refuse.
      cleanups.push(hub.waitForChange(topic, resolve));
      const timer = clock.after(wait * 1000, resolve);
      cleanups.push(() => timer.cancel());
      const leave = () => resolve();
      gone.addEventListener('abort', leave);
      cleanups.push(() => gone.removeEventListener('abort', leave));
    });
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}
