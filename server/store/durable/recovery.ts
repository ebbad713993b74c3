import { messageOf } from '../../../shared/errors.js';
import type { Clock, Timer } from '../../async/clock.js';

/** What became of keeping, as far as it failed. */
export interface Health {
  failures: number;
  /** Why keeping fails; `undefined` while it works. */
  failing: string | undefined;
}

/** Tells when keeping begins to fail and when it works again, and tries again meanwhile. */
export interface Recovery {
  /** An attempt is planned. */
  readonly isPlanned: boolean;
  failed(error: unknown): void;
  /** No attempt is planned any more, and the waits begin at the first one again. */
  succeeded(): void;
  /** Plans another attempt, unless there is one, after a wait that doubles with each in a row. */
  tryLater(): void;
  /** The planned attempt is not needed. */
  cancel(): void;
}

export interface RecoveryOptions {
  health: Health;
  clock: Clock;
  /** Hears of turns only, not of every attempt. */
  onTurn(error?: unknown): void;
  attempt(): void;
}

const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 30_000;

export function createRecovery({ health, clock, onTurn, attempt }: RecoveryOptions): Recovery {
  let planned: Timer | undefined;
  let inARow = 0;

  function cancel(): void {
    planned?.cancel();
    planned = undefined;
  }

  return {
    get isPlanned() {
      return planned !== undefined;
    },
    failed(error) {
      health.failures += 1;
      const isFirst = health.failing === undefined;
      health.failing = reasonOf(error);
      if (isFirst) onTurn(error);
    },
    succeeded() {
      inARow = 0;
      cancel();
      if (health.failing === undefined) return;
      health.failing = undefined;
      onTurn();
    },
    tryLater() {
      if (planned) return;
      const delay = Math.min(FIRST_BACKOFF * 2 ** inARow, LONGEST_BACKOFF);
      inARow += 1;
      planned = clock.after(delay, () => {
        planned = undefined;
        attempt();
      });
    },
    cancel,
  };
}

/** Why a folder or a file cannot be used. */
export function reasonOf(cause: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    EEXIST: 'it is no folder',
    ENOTDIR: 'it is below what is no folder',
    ENOENT: 'it is gone',
    EACCES: 'its permissions forbid it',
    EPERM: 'its permissions forbid it',
    EROFS: 'its disk is read-only',
    ENOSPC: 'its disk is full',
    EDQUOT: 'its quota is used up',
  };
  return reasons[(cause as NodeJS.ErrnoException)?.code ?? ''] ?? messageOf(cause);
}
