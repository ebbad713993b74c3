import { named } from '../async/hold.js';
import type { HttpHandlers } from '../loop/policy.js';
import type { Store } from '../store/store.js';

const TOPICS_SHOWN = 3;

/** The store, with the time that each listener takes for a flush under watch. */
export function watchedStore(store: Store): Store {
  return {
    ...store,
    onFlush: (listener) =>
      store.onFlush((flushes) =>
        named(
          () => `flush of ${someOf(flushes.map(({ topic }) => topic.name))}`,
          () => listener(flushes),
        ),
      ),
  };
}

/** The handlers, with the time that they take before they wait for something under watch. */
export function watchedHandlers(handlers: HttpHandlers): HttpHandlers {
  return {
    request: (request, response) =>
      named(
        () => `${request.method} ${request.path}`,
        () => handlers.request(request, response),
      ),
    upgrade: (request, upgrade) =>
      named(
        () => `upgrade ${request.path}`,
        () => handlers.upgrade(request, upgrade),
      ),
  };
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, TOPICS_SHOWN).join(', ');
  return names.length > TOPICS_SHOWN ? `${shown} and ${names.length - TOPICS_SHOWN} more` : shown;
}
