import type { Clock, Timer } from '../async/clock.js';

/** What runs while it is wanted. Both must not throw, and change nothing where it is so already. */
export interface Sleeper {
  wake(): void;
  rest(): void;
}

export interface DemandTerms {
  /** `always`: it is wanted whether anybody subscribes or not. */
  readonly when: 'always' | 'subscribed';
  /** How long it goes on after the last subscriber left; ms. */
  readonly linger: number;
  readonly clock: Clock;
}

/** How long a `subscribed` source goes on after its last subscriber left, where nothing else is said; ms. */
export const LINGER = 30_000;

/** Wakes a source when somebody wants it, and lets it rest a while after nobody does. A class, since there are ten thousands. */
export class Demand {
  readonly #sleeper: Sleeper;
  readonly #terms: DemandTerms;
  #subscribed = false;
  #lingering: Timer | undefined;
  #closed = false;

  /** One that always runs wakes at once. */
  constructor(sleeper: Sleeper, terms: DemandTerms) {
    this.#sleeper = sleeper;
    this.#terms = terms;
    if (terms.when === 'always') sleeper.wake();
  }

  /** Whether anybody subscribes. Who rests already when nobody does goes on resting. */
  set(subscribed: boolean): void {
    if (this.#closed || subscribed === this.#subscribed) return;
    this.#subscribed = subscribed;
    this.#lingering?.cancel();
    this.#lingering = undefined;
    if (subscribed) this.#sleeper.wake();
    else this.#linger();
  }

  /** Somebody asks who does not subscribe: it is wanted for as long as it lingers. */
  touch(): void {
    if (this.#closed) return;
    this.#sleeper.wake();
    if (this.#subscribed) return;
    this.#lingering?.cancel();
    this.#linger();
  }

  /** It rests for good. */
  close(): void {
    this.#closed = true;
    this.#lingering?.cancel();
    this.#sleeper.rest();
  }

  #linger(): void {
    const { when, linger, clock } = this.#terms;
    if (when === 'subscribed') this.#lingering = clock.after(linger, () => this.#sleeper.rest());
  }
}
