import type { Json } from '../../../shared/json.js';
import type { Fetched, Source } from '../source.js';
import { SourceError, timedOut } from '../source-error.js';
import type { BatchContext } from './context.js';
import type { Group } from './group.js';
import type { Member } from './member.js';
import { recordsOf } from './records.js';

/** What became of a request. */
export interface Outcome {
  readonly ok: boolean;
  /** How long the upstream asked to be left alone, in ms. */
  readonly retryAfter: number | undefined;
  /** Everyone could make use of what was theirs, so that equal bytes mean that nothing is left to do. */
  readonly whole: boolean;
}

/** One request under way. */
export interface Ask {
  /** Resolves when it is over and everyone has been told; never rejects. */
  readonly done: Promise<void>;
  /** Somebody is not interested any more; when the last one leaves, the request is called off. True if it was. */
  leave(member: Member): boolean;
  abort(reason: unknown): void;
}

export interface AskOptions {
  /** None of them is being asked for already. */
  members: readonly Member[];
  /** The group whose turn it is; `undefined` for one out of turn. */
  group: Group | undefined;
  source: Source;
  /** Without the names. */
  label: string;
  /** Everybody has what the source brought last, so that it may say `unchanged`. */
  conditional: boolean;
  /** Called when everyone has been told, before `done` resolves; with `undefined` if the request was called off. */
  over(outcome: Outcome | undefined): void;
}

/** Asks for all of the members at once, and hands each what is theirs. */
export function startAsk(options: AskOptions, context: BatchContext): Ask {
  const { group, source, label, conditional, over } = options;
  const { clock, timeout, by, stats, open, onError } = context;
  const members = new Set(options.members);
  const controller = new AbortController();
  const { signal } = controller;
  const deadline = clock.after(timeout, () => controller.abort(timedOut(source.label, timeout)));

  async function perform(): Promise<Outcome | undefined> {
    try {
      const fetched = await source.fetch({ signal, previous: conditional ? null : undefined });
      return { ok: true, retryAfter: undefined, whole: await deliver(fetched) };
    } catch (error) {
      // There is nobody left to tell.
      if (members.size === 0) return undefined;
      stats.failures += 1;
      for (const member of members) member.failed(error, source.label);
      onError?.(error);
      const retryAfter = error instanceof SourceError ? error.retryAfter : undefined;
      return { ok: false, retryAfter, whole: false };
    }
  }

  async function deliver(fetched: Fetched): Promise<boolean> {
    const now = clock.now();
    if (fetched.kind === 'unchanged') {
      for (const member of members) member.stands(now);
      return true;
    }
    const find = recordsOf(fetched.value, by, label);
    const waits: Promise<boolean>[] = [];
    for (const member of members) {
      const record = find(member.name);
      if (record === undefined) member.leftOut(label);
      else waits.push(...take(member, record, now));
    }
    return (await Promise.all(waits)).every((usable) => usable);
  }

  function take(member: Member, record: Json, now: number): Promise<boolean>[] {
    if (member.holds(record)) {
      member.stands(now);
      return [];
    }
    const taken = member.take(record, now, signal);
    return taken === true ? [] : [Promise.resolve(taken)];
  }

  async function run(): Promise<void> {
    const outcome = await perform();
    deadline.cancel();
    open.delete(ask);
    for (const member of members) member.answered();
    over(outcome);
  }

  stats.requests += 1;
  const ask: Ask = {
    done: Promise.resolve().then(run),
    leave(member) {
      members.delete(member);
      if (members.size > 0) return false;
      ask.abort(new SourceError(`the request to ${label} was called off: nobody wants it any more`));
      return true;
    },
    abort: (reason) => controller.abort(reason),
  };
  open.add(ask);
  for (const member of members) {
    // Whatever comes, what its group knows is no longer what the member has.
    if (member.group !== group) member.group?.forget();
    member.asked(ask);
  }
  return ask;
}
