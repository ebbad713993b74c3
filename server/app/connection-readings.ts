import type { Clock } from '../async/clock.js';
import { type Gatekeeper, TRANSPORTS } from '../edge/gatekeeper.js';
import type { Hub } from '../hub/hub.js';
import type { LivenessReading } from '../observe/liveness-metrics.js';

/** How old the connections of now are, how long they have been quiet, and what waits to be taken by their clients. */
export function livenessOf(clock: Clock, gatekeeper: Gatekeeper, hub: Hub): LivenessReading {
  const elapsed = clock.elapsed();
  const ages: Record<string, number[]> = Object.fromEntries(TRANSPORTS.map((transport) => [transport, []]));
  for (const { transport, admittedAtElapsed } of gatekeeper.guests)
    ages[transport]!.push(elapsed - admittedAtElapsed);
  const silences: Record<string, number[]> = { websocket: [], sse: [] };
  let outboxBytes = 0;
  let congested = 0;
  for (const { outlet, buffered, lastSignAtElapsed, congestedAtElapsed } of hub.connections) {
    silences[outlet.transport]!.push(elapsed - lastSignAtElapsed);
    // Not asked for now: that would go through every socket.
    outboxBytes += buffered;
    if (congestedAtElapsed !== undefined) congested += 1;
  }
  return { ages, silences, outboxBytes, congested };
}
