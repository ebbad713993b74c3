import { performance } from 'node:perf_hooks';
import { HOLD, heldSoFar, named, onHold } from '../async/hold.js';
import type { Logger } from './log.js';

/** Watches the event loop for one server and logs what held it up. */
export interface LoopWatch {
  /** {@link named}, for work that goes on after it has returned: it is named as a suspect until it has settled. */
  tracked<T>(where: string, work: () => Promise<T>): Promise<T>;
  /** Stops watching. Idempotent. */
  close(): void;
}

/** What an entry of the log says. */
interface Hold {
  where: string;
  heldMs: number;
  cpuMs?: number;
  suspects?: string[];
}

/** How often the loop is asked whether it still turns (ms); unnamed holds are measured short by up to as much. */
const TICK = 50;
/** At most one entry of a kind in so many ms; what was left out is counted in the next one. */
const QUIET = 1_000;
/** A process that used less of the processor than this part of the time did not hold the loop: it did not run. */
const RUNNING = 0.25;
const SUSPECTS_SHOWN = 5;

/**
 * Logs what holds the event loop for over 100 ms (where it has no name, for certain from 150 ms on), as a warning with
 * `where` and `heldMs`, at most once a second.
 *
 * Work that runs through `tracked` or {@link named} is named, whichever server of the process it belongs to: they
 * share the loop. The rest shows in a timer that comes late: its entry has `where: "unnamed"`, the tracked work that
 * ran meanwhile as `suspects`, and `cpuMs`, what the process used of the processor. Where that is under a quarter of
 * `heldMs`, something kept the process from running, a blocking call or the machine: that is told as such, at `info`.
 *
 * Timed in place rather than through `async_hooks`, which would know the origin of each callback but makes a chain
 * of awaits take 2.7 times as long (Node 20).
 */
export function watchLoop(logger: Logger): LoopWatch {
  /** Running now, with how often. */
  const running = new Map<string, number>();
  /** Ended since the last tick: the callback that ended them may be the one that held. */
  let ended: string[] = [];
  /** Time told under a name is not to be counted a second time. */
  let namedAtTick = heldSoFar();
  let lastTick = performance.now();
  let cpuAtTick = process.cpuUsage();
  const held = onceInAWhile((entry) => logger.warn(entry, 'the event loop was held'));
  const stood = onceInAWhile((entry) => logger.info(entry, 'the process did not get to run'));

  function tick(): void {
    const now = performance.now();
    const late = now - lastTick - TICK - (heldSoFar() - namedAtTick);
    if (late >= HOLD) {
      const { user, system } = process.cpuUsage(cpuAtTick);
      const suspects = [...new Set([...ended, ...running.keys()])].slice(0, SUSPECTS_SHOWN);
      const cpuMs = Math.round((user + system) / 1_000);
      const report = cpuMs < late * RUNNING ? stood : held;
      report({ where: 'unnamed', heldMs: Math.round(late), cpuMs, suspects });
    }
    lastTick = now;
    namedAtTick = heldSoFar();
    cpuAtTick = process.cpuUsage();
    ended = [];
  }

  function leave(where: string): void {
    const left = running.get(where)! - 1;
    if (left === 0) running.delete(where);
    else running.set(where, left);
    ended.push(where);
  }

  // The real time, whatever clock the server has: what is measured is the loop itself.
  const ticking = setInterval(tick, TICK).unref();
  const ignore = onHold((hold) => held({ where: hold.where, heldMs: Math.round(hold.held) }));

  return {
    async tracked(where, work) {
      running.set(where, (running.get(where) ?? 0) + 1);
      try {
        return await named(() => where, work);
      } finally {
        leave(where);
      }
    },
    close() {
      clearInterval(ticking);
      ignore();
    },
  };
}

function onceInAWhile(say: (entry: Hold & { leftOut?: number }) => void): (hold: Hold) => void {
  let quietUntil = 0;
  let leftOut = 0;
  return (hold) => {
    const now = performance.now();
    if (now < quietUntil) {
      leftOut += 1;
      return;
    }
    quietUntil = now + QUIET;
    say({ ...hold, ...(leftOut > 0 ? { leftOut } : {}) });
    leftOut = 0;
  };
}
