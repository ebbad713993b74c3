import type { UwsApp, UwsBehavior, UwsResponse } from './uws-native.js';

/**
 * Closes connections beyond `maxConnections` as they come. uWebSockets.js tells of every connection that comes and of
 * every one that goes as HTTP; of one that became a WebSocket only its close event tells. Returns the behavior that counts those.
 */
export function boundConnections(
  app: UwsApp,
  behavior: UwsBehavior,
  maxConnections: number | undefined,
  onRefused: () => void,
): UwsBehavior {
  if (maxConnections === undefined) return behavior;
  let open = 0;
  const changed = (res: UwsResponse, change: number): void => {
    open += change;
    if (change < 0 || open <= maxConnections) return;
    onRefused();
    // Calls here again, with -1, before it returns.
    res.close();
  };
  app.filter(changed);
  return {
    ...behavior,
    close(ws, code, reason) {
      open -= 1;
      behavior.close(ws, code, reason);
    },
  };
}
