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
  let swept = clock.now();
  let waited = false;

  function sweep(): void {
    timer = clock.after(period, sweep);
    const now = clock.now();
    // Where the event loop was held, or the machine slept, what peers sent meanwhile has not been read yet.
    waited = !waited && now - swept > LATE * period;
    if (now < swept) setBack(now, swept - now);
    swept = now;
    if (waited) return;
    for (const connection of hub.connections) {
      connection.measure(now);
      if (isTooSlow(connection, now)) {
        onTooSlow();
        hub.drop(connection);
      } else if (now >= connection.nextBeat) beat(connection, now);
    }
  }

  /** The clock was set back to `now`: what was noted by the old time would lie so far in the future. */
  function setBack(now: number, by: number): void {
    for (const connection of hub.connections) {
      if (connection.nextBeat > 0) connection.nextBeat -= by;
      if (connection.congestedSince && connection.congestedSince > now) connection.congestedSince -= by;
      if (connection.lastSign > now) connection.lastSign -= by;
    }
  }

  function isTooSlow({ congestedSince }: Connection, now: number): boolean {
    return slowTimeout > 0 && congestedSince !== undefined && now - congestedSince >= slowTimeout;
  }

  function beat(connection: Connection, now: number): void {
    const isFirst = connection.nextBeat === 0;
    // From when it was due, so that looking a little late does not add up.
    const isOnTime = now - connection.nextBeat < LATE * period;
    connection.nextBeat = (isOnTime ? connection.nextBeat : now) + heartbeat;
    // A beat would wait behind what a slow reader has not taken; that it takes any is its sign of life.
    if (isFirst || connection.congestedSince !== undefined) {
      connection.heard = true;
      return;
    }
    if (connection.outlet.answersBeats && !connection.heard) {
      hub.drop(connection);
      return;
    }
    connection.heard = false;
    connection.outlet.beat();
    connection.noteTaken(now);
  }

  return { close: () => timer.cancel() };
}
