import type { Clock } from '../async/clock.js';
import type { Connection } from '../hub/connection.js';
import type { Hub } from '../hub/hub.js';

/** How often all connections are looked at, in ms; more often where that were much of a heartbeat. */
const SWEEP = 1_000;
const SWEEPS_A_BEAT = 5;
/** A look is late that comes after so many times its period. */
const LATE = 2;

export interface SweeperOptions {
  clock: Clock;
  /** Milliseconds between signs of life on each connection. */
  heartbeat: number;
  /** Milliseconds that an outbox may stay full; 0: for ever. */
  slowTimeout: number;
  /** Told of each connection that is dropped for it. */
  onTooSlow(): void;
}

/**
 * Keeps connections honest: beats on each every `heartbeat`, drops a peer that has not answered one beat by the next
 * (so it is gone within two, and the time between two looks), and one that has taken nothing from a full outbox for
 * `slowTimeout`. One timer serves them all; connections beat at their own phase.
 */
export function startSweeper(hub: Hub, options: SweeperOptions): { close(): void } {
  const { clock, heartbeat, slowTimeout, onTooSlow } = options;
  const period = Math.min(SWEEP, heartbeat / SWEEPS_A_BEAT);
  let timer = clock.after(period, sweep);
  let sweptAtElapsed = clock.elapsed();
  let waited = false;

  function sweep(): void {
    timer = clock.after(period, sweep);
    const elapsed = clock.elapsed();
    // Where the event loop was held, what peers sent meanwhile has not been read yet.
    waited = !waited && elapsed - sweptAtElapsed > LATE * period;
    sweptAtElapsed = elapsed;
    if (waited) return;
    for (const connection of hub.connections) {
      connection.measure(elapsed);
      if (isTooSlow(connection, elapsed)) {
        onTooSlow();
        hub.drop(connection);
      } else if (elapsed >= connection.nextBeatAtElapsed) beat(connection, elapsed);
    }
  }

  function isTooSlow({ congestedAtElapsed }: Connection, elapsed: number): boolean {
    return slowTimeout > 0 && congestedAtElapsed !== undefined && elapsed - congestedAtElapsed >= slowTimeout;
  }

  function beat(connection: Connection, elapsed: number): void {
    const due = connection.nextBeatAtElapsed;
    const isFirst = due === 0;
    // From when it was due, so that looking a little late does not add up.
    const isOnTime = !isFirst && elapsed - due < LATE * period;
    connection.nextBeatAtElapsed = (isOnTime ? due : elapsed) + heartbeat;
    // A beat would wait behind what a slow reader has not taken; that it takes any is its sign of life.
    if (isFirst || connection.congestedAtElapsed !== undefined) {
      connection.heard = true;
      return;
    }
    if (connection.outlet.answersBeats && !connection.heard) {
      hub.drop(connection);
      return;
    }
    connection.heard = false;
    connection.outlet.beat();
    connection.noteTaken(elapsed);
  }

  return { close: () => timer.cancel() };
}
