import { HeadwaterError } from '../../shared/errors.js';
import type { Clock, Timer } from '../async/clock.js';
import { createTokenBucket } from './token-bucket.js';

/** How often those in line are let through, in ms. */
const TURN = 20;
/** As many as pass in so many ms may pass at once. */
const BURST = 100;
/** As many as pass in so many ms may wait in line; a client gives up after about that long. */
const LINE = 5_000;
const SECOND = 1_000;

/** Lets newcomers pass at a bounded rate, so that a crowd that comes back at once does not hold up who is there. */
export interface Turnstile {
  /**
   * Resolves when it is the newcomer's turn, or when `gone` aborts: look which. At once while there is no crowd.
   * @throws {HeadwaterError} `limit` where the line is too long, `unavailable` once it is closed
   */
  pass(gone: AbortSignal): Promise<void>;
  /** Sends everybody in line away. */
  close(): void;
}

interface Newcomer {
  proceed(): void;
  refuse(error: HeadwaterError): void;
}

/** `perSecond` of 0: no limit. */
export function createTurnstile(perSecond: number, clock: Clock): Turnstile {
  const bucket = createTokenBucket(perSecond, clock, Math.max(1, Math.floor((perSecond * BURST) / SECOND)));
  const most = Math.max(1, (perSecond * LINE) / SECOND);
  const line = new Set<Newcomer>();
  let timer: Timer | undefined;

  function letThrough(): void {
    for (const newcomer of line) {
      if (!bucket.take()) break;
      line.delete(newcomer);
      newcomer.proceed();
    }
    timer = line.size > 0 ? clock.after(TURN, letThrough) : undefined;
  }

  return {
    pass(gone) {
      if (gone.aborted || (line.size === 0 && bucket.take())) return Promise.resolve();
      if (line.size >= most) {
        const text = `${line.size} clients wait to be let in, ${perSecond} a second (limits.acceptPerSecond): come back later`;
        return Promise.reject(new HeadwaterError('limit', text, { limit: 'acceptPerSecond' }));
      }
      return new Promise((proceed, refuse) => {
        const newcomer = { proceed, refuse };
        line.add(newcomer);
        gone.addEventListener(
          'abort',
          () => {
            line.delete(newcomer);
            proceed();
          },
          { once: true },
        );
        timer ??= clock.after(TURN, letThrough);
      });
    },
    close() {
      timer?.cancel();
      timer = undefined;
      for (const { refuse } of line) {
        refuse(new HeadwaterError('unavailable', 'this server is going away: come back in a moment'));
      }
      line.clear();
    },
  };
}
