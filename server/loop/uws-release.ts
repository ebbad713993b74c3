import type { DefectReporter, HttpHandlers, HttpListenOptions } from './policy.js';

/** A server's handlers, as uWebSockets.js may have them. */
export interface ReleasableHandlers {
  readonly handlers: HttpHandlers;
  readonly report: DefectReporter;
  onRefused(): void;
  /** Lets go of them. The server is closed, so nothing calls them any more. */
  release(): void;
}

/**
 * uWebSockets.js keeps the functions that an app was given for as long as the process runs, and all that they lead to:
 * a whole closed server. These lead to nothing once they are released.
 */
export function releasable(
  handlers: HttpHandlers,
  report: DefectReporter,
  onRefused: HttpListenOptions['onRefused'],
): ReleasableHandlers {
  let held: Pick<ReleasableHandlers, 'handlers' | 'report'> | undefined = { handlers, report };
  let refused = onRefused;
  return {
    handlers: {
      request: (request, response) => held?.handlers.request(request, response),
      upgrade: (request, upgrade) => held?.handlers.upgrade(request, upgrade),
    },
    report: (error, where) => held?.report(error, where),
    onRefused: () => refused?.(),
    release() {
      held = undefined;
      refused = undefined;
    },
  };
}
