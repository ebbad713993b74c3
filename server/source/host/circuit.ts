import { ConsecutiveBreaker, ExponentialBackoff, halfJitterGenerator, type IBackoff } from 'cockatiel';
import type { CircuitState } from '../readings.js';

/** What a request that is over says about its host. */
export type Verdict = 'well' | 'sick' | 'unknown';

/** A request that was let through; of a `probe` it depends whether others are. */
export type Pass = 'regular' | 'probe';

/** Stops requests to a host that is sick, and finds out with one request at a time when it is well again. */
export interface Circuit {
  state(now: number): CircuitState;
  /** Lets a request through; `undefined` while the circuit is open, or a probe is out. */
  admit(now: number): Pass | undefined;
  /** That request is over. A verdict that was reached before the circuit opened does not close it. */
  settle(pass: Pass, verdict: Verdict, now: number): void;
  /** When the host may be probed. */
  readonly until: number;
  /** Failures in a row. */
  readonly failures: number;
}

/** Failures in a row that open it. */
const THRESHOLD = 5;

/** Random between the half and the whole of 2 s, 4 s … 60 s: several servers must not probe in step. */
const PAUSES = new ExponentialBackoff({
  generator: halfJitterGenerator,
  initialDelay: 2_000,
  maxDelay: 60_000,
});

/** The pauses between probes grow with each that fails; the first that succeeds closes the circuit. */
export function createCircuit(): Circuit {
  const breaker = new ConsecutiveBreaker(THRESHOLD);
  let pause: IBackoff<unknown> | undefined;
  let until = 0;
  let probing = false;

  function open(now: number): void {
    pause = pause ? pause.next(undefined) : PAUSES.next();
    until = now + pause.duration;
  }

  return {
    state: (now) => (!pause ? 'closed' : now < until ? 'open' : 'half-open'),
    admit(now) {
      if (!pause) return 'regular';
      if (probing || now < until) return undefined;
      probing = true;
      return 'probe';
    },
    settle(pass, verdict, now) {
      if (pass === 'probe') probing = false;
      else if (pause) return;
      if (verdict === 'well') {
        breaker.success();
        pause = undefined;
      } else if (verdict === 'sick' && (breaker.failure() || pass === 'probe')) open(now);
    },
    get until() {
      return until;
    },
    get failures() {
      return breaker.state;
    },
  };
}
