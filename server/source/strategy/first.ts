import type { Json } from '../../../shared/json.js';
import type { Clock, Timer } from '../../async/clock.js';
import { createTask, run } from '../../async/task.js';
import { type Failure, noneGood } from './failure.js';
import type { Hedge } from './hedge.js';
import type { Member } from './member.js';

interface Race {
  signal: AbortSignal;
  clock: Clock;
  /** Absent: all start at once. */
  hedge: Hedge | undefined;
}

export interface Win {
  member: Member;
  value: Json;
}

/** The first good answer, as {@link raced} finds it. */
export async function first(members: readonly Member[], race: Race): Promise<Json> {
  return (await raced(members, race)).value;
}

/**
 * The first good answer and whose it is; the losers have been aborted and have ended when it is there. With a hedge the
 * next one starts when the one before is slow and the budget allows it, and at once when one fails; those that failed
 * last come last.
 * @throws {SourceError} with every reason, if there is no good answer
 */
export async function raced(members: readonly Member[], { signal, clock, hedge }: Race): Promise<Win> {
  const order = hedge ? members.toSorted((a, b) => Number(a.failing) - Number(b.failing)) : members;
  // The task ends only once those it started have, and calls off what still runs.
  return await run(
    (scope) =>
      new Promise<Win>((resolve, reject) => {
        const running = new Set<Member>();
        const failures: Failure[] = [];
        let next = 0;
        let timer: Timer | undefined;
        let over = false;

        const end = () => {
          over = true;
          timer?.cancel();
        };
        const start = () => {
          timer?.cancel();
          const member = order[next++];
          if (!member) return;
          running.add(member);
          createTask((own) => member.ask(own), { signal: scope, name: member.label }).then(
            (value) => won(member, value),
            (error: unknown) => failed(member, error),
          );
          if (hedge && next < order.length) timer = clock.after(hedge.delay(member), startHedge);
        };
        const startHedge = () => {
          if (scope.aborted || !hedge!.spend()) return;
          order[next]!.counts.hedges += 1;
          start();
        };
        const won = (member: Member, value: Json) => {
          if (over) return;
          end();
          running.delete(member);
          member.counts.wins += 1;
          for (const loser of running) loser.counts.losses += 1;
          resolve({ member, value });
        };
        const failed = (member: Member, error: unknown) => {
          if (over) return;
          running.delete(member);
          failures.push({ label: member.label, error });
          if (scope.aborted) {
            end();
            reject(scope.reason);
          } else if (hedge && next < order.length) {
            hedge.earn();
            start();
          } else if (running.size === 0) {
            end();
            reject(noneGood(failures));
          }
        };

        hedge?.earn();
        do start();
        while (!hedge && next < order.length);
      }),
    { signal, clock, name: 'first' },
  );
}
