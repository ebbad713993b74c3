import type { PolicyName } from '../../test/support/policies.js';
import type { Random } from './random.js';

/** What a scenario has to work with. */
export interface Stage {
  readonly random: Random;
  /** The loop policy that its servers run on. */
  readonly policy: PolicyName;
  /** Aborts when the scenario takes too long. */
  readonly signal: AbortSignal;
  /** Ends something when the scenario has ended, whether well or not; what was owned last ends first. */
  own(end: () => unknown): void;
}

/** Returns when all is as it must be, and throws otherwise. */
export type Scenario = (stage: Stage) => Promise<void>;

/** Scenarios of one subject, by name. */
export interface Theme {
  readonly scenarios: Readonly<Record<string, Scenario>>;
  /** `each`: about what clients get, so it is shown on both policies. `one`: about what lies behind; on libuv, unless another is asked for. */
  readonly policies: 'each' | 'one';
}
