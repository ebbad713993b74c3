import { equal } from '../../../shared/equal.js';
import type { Json } from '../../../shared/json.js';
import { asCompleted } from '../../async/as-completed.js';
import type { Clock } from '../../async/clock.js';
import { type Failure, withReasons } from './failure.js';
import type { Member } from './member.js';
import { without } from './pointer.js';

export interface QuorumOptions {
  signal: AbortSignal;
  clock: Clock;
  /** How many must agree. */
  need: number;
  /** What they need not agree on: JSON Pointers, parsed. */
  ignore: readonly (readonly string[])[];
}

interface Answer {
  member: Member;
  value: Json;
}

/** Members that say the same, and what that is. */
interface Camp {
  common: Json;
  answers: Answer[];
}

/**
 * Asks all at once until `need` of them agree, and gives their answers in the order of `members`; what still runs then
 * is aborted and awaited. Ends as soon as too few are left to agree.
 * @throws {SourceError} that says how many agreed, and why the others gave no answer
 */
export async function quorum(members: readonly Member[], options: QuorumOptions): Promise<Json[]> {
  const { signal, clock, need, ignore } = options;
  const camps: Camp[] = [];
  const failures: Failure[] = [];
  const waiting = new Set(members);

  const works = members.map((member) => async (own: AbortSignal) => {
    try {
      return { member, value: await member.ask(own) };
    } catch (error) {
      if (own.aborted) throw error;
      return { member, error };
    }
  });
  for await (const task of asCompleted(works, { signal, clock, name: 'quorum' })) {
    const result = await task;
    waiting.delete(result.member);
    if ('error' in result) failures.push({ label: result.member.label, error: result.error });
    else {
      const camp = join(camps, result, ignore);
      if (camp.answers.length === need) return decide(camp, { camps, waiting, members });
    }
    if (largest(camps) + waiting.size < need) break;
  }
  for (const { counts } of waiting) counts.losses += 1;
  const answers = camps.flatMap((camp) => camp.answers);
  if (camps.length > 1) for (const { member } of answers) member.counts.disputes += 1;
  const agreed = `${answers.length} of ${members.length} URLs answered, ${largest(camps)} agree where ${need} must`;
  throw withReasons(`no quorum: ${agreed}`, failures, members.length);
}

function join(camps: Camp[], answer: Answer, ignore: QuorumOptions['ignore']): Camp {
  const common = ignore.reduce(without, answer.value);
  let camp = camps.find((candidate) => equal(candidate.common, common));
  if (!camp) {
    camp = { common, answers: [] };
    camps.push(camp);
  }
  camp.answers.push(answer);
  return camp;
}

interface Scene {
  camps: readonly Camp[];
  waiting: ReadonlySet<Member>;
  members: readonly Member[];
}

function decide(winner: Camp, { camps, waiting, members }: Scene): Json[] {
  for (const { counts } of waiting) counts.losses += 1;
  for (const camp of camps) {
    for (const { member } of camp.answers) member.counts[camp === winner ? 'wins' : 'disputes'] += 1;
  }
  // Not in the order they came: which of equals is taken should not hang on who was the fastest.
  return members.flatMap((member) => winner.answers.find((answer) => answer.member === member)?.value ?? []);
}

function largest(camps: readonly Camp[]): number {
  return Math.max(0, ...camps.map((camp) => camp.answers.length));
}
