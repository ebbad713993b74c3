import type { Clock, Timer } from '../../async/clock.js';
import { interruptible } from '../../async/interruptible.js';
import { LinkedList } from '../../async/linked-list.js';
import type { CircuitState } from '../readings.js';
import { createCircuit, type Pass, type Verdict } from './circuit.js';
import { createMeter, type Meter } from './meter.js';
import type { Quota } from './quota.js';
import { askedForPeace, brokenOff, noTurn, usedUp } from './refusal.js';

export interface GateOptions {
  /** The host, for messages. */
  name: string;
  /** Requests under way at once. */
  concurrency: number;
  quotas: readonly Quota[];
  clock: Clock;
}

/**
 * Lets requests to one host through, in the order in which they came: so many at a time, within every quota, none
 * during a pause that the host asked for, and only one at a time to find out whether a sick host is well again.
 */
export interface Gate {
  /**
   * Waits for the turn of a request, for less than `patience` ms; where it is certain that its turn comes later, it is
   * refused at once. An aborted one leaves the line at once. Every pass goes back through `leave`.
   * @throws {SourceError} with `retryAfter`, when there is no turn; `CancelledError`, when `signal` aborts
   */
  enter(patience: number, signal: AbortSignal): Promise<Pass>;
  /** The same where there is no wait; `undefined` where `enter` has to be asked. */
  tryEnter(): Pass | undefined;
  leave(pass: Pass, verdict: Verdict): void;
  /** Nothing goes through for so many ms from now. A shorter pause than the one that holds changes nothing. */
  pause(duration: number): void;
  /** Requests under way. */
  readonly active: number;
  /** Requests in the line. */
  readonly waiting: number;
  /** What is left of a pause, in ms. */
  readonly paused: number;
  readonly circuit: CircuitState;
  readonly meters: readonly Meter[];
}

interface Waiter {
  admit(pass: Pass): void;
  refuse(error: unknown): void;
}

export function createGate({ name, concurrency, quotas, clock }: GateOptions): Gate {
  const meters = quotas.map(createMeter);
  const circuit = createCircuit();
  const line = new LinkedList<Waiter>();
  let active = 0;
  let pausedUntil = 0;
  /** Opens the gate for the first in the line, where only time stands in its way. */
  let timer: Timer | undefined;

  /** Why a request must wait that has `ahead` others before it; the longest wait counts. */
  function obstacle(ahead: number, now: number): { delay: number; meter?: Meter } {
    let longest: { delay: number; meter?: Meter } = { delay: Math.max(0, pausedUntil - now) };
    for (const meter of meters) {
      const delay = meter.delay(ahead, now);
      if (delay > longest.delay) longest = { delay, meter };
    }
    return longest;
  }

  function refusal(ahead: number, patience: number, now: number): Error | undefined {
    if (circuit.state(now) === 'open') return shut(now);
    const { delay, meter } = obstacle(ahead, now);
    if (delay === 0 || delay < patience) return undefined;
    return meter ? usedUp(name, meter.quota, clock.now(), delay) : askedForPeace(name, clock.now(), delay);
  }

  function shut(now: number): Error {
    return brokenOff(name, circuit.failures, clock.now(), circuit.until - now);
  }

  function take(now: number): Pass | undefined {
    if (active >= concurrency) return undefined;
    if ((meters.length > 0 || pausedUntil !== 0) && obstacle(0, now).delay > 0) return undefined;
    const pass = circuit.admit(now);
    if (!pass) return undefined;
    active += 1;
    for (const meter of meters) meter.take(now);
    return pass;
  }

  /** Lets in whoever may go now. */
  function serve(): void {
    timer?.cancel();
    timer = undefined;
    while (line.size > 0) {
      const now = clock.elapsed();
      const pass = take(now);
      if (!pass) {
        const { delay } = obstacle(0, now);
        if (delay > 0 && active < concurrency) timer = clock.after(delay, serve);
        return;
      }
      line.shift()!.admit(pass);
    }
  }

  return {
    tryEnter: () => (line.size === 0 ? take(clock.elapsed()) : undefined),
    async enter(patience, signal) {
      const refused = refusal(line.size, patience, clock.elapsed());
      if (refused) throw refused;
      return await interruptible<Pass>(signal, (admit, refuse) => {
        // A pause may have come meanwhile.
        const giveUp = () =>
          refuse(refusal(0, 0, clock.elapsed()) ?? noTurn(name, patience, active, line.size - 1));
        const limit = clock.after(patience, giveUp);
        const leaveLine = line.push({ admit, refuse });
        serve();
        return () => {
          limit.cancel();
          leaveLine();
          if (line.size === 0) {
            timer?.cancel();
            timer = undefined;
          }
        };
      });
    },
    leave(pass, verdict) {
      active -= 1;
      const now = clock.elapsed();
      circuit.settle(pass, verdict, now);
      if (circuit.state(now) === 'open') {
        for (let waiter = line.shift(); waiter; waiter = line.shift()) {
          waiter.refuse(shut(now));
        }
      }
      if (line.size > 0) serve();
    },
    pause(duration) {
      pausedUntil = Math.max(pausedUntil, clock.elapsed() + duration);
    },
    get active() {
      return active;
    },
    get waiting() {
      return line.size;
    },
    get paused() {
      return Math.max(0, pausedUntil - clock.elapsed());
    },
    get circuit() {
      return circuit.state(clock.elapsed());
    },
    meters,
  };
}
