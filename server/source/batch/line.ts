import { createSchedule, QUOTA_RECHECK } from '../schedule.js';
import { type Outcome, startAsk } from './ask.js';
import type { BatchContext } from './context.js';
import { createGathering } from './gathering.js';
import type { Group } from './group.js';
import { createGroups } from './groups.js';
import type { Desk, Member } from './member.js';
import { type BatchUrl, URL_BYTES } from './url.js';

/** The instances that can be asked for in one URL, and who asks for them: at their turns, and out of turn. */
export interface Line extends Desk {
  close(): void;
}

/**
 * Whoever is new is asked for at once, with the others of the same moment, and has a place in a group from when that
 * is over. So a name that the upstream chokes on does not spoil the requests of others for long: newcomers who failed are
 * tried again apart from those who are well, and a group that fails again although others are answered is divided.
 */
export function createLine(url: BatchUrl, context: BatchContext): Line {
  const { clock, every, max, random } = context;
  const groups = createGroups(url, context);
  const gathering = createGathering(clock, askOutOfTurn);
  /** When those may be asked for again whose requests out of turn failed. */
  const backoff = createSchedule({ every, random });
  /** The upstream asked to be left alone: that goes for newcomers, too. */
  let leaveAlone = false;
  /** When a request of any kind last brought an answer. */
  let lastOk = Number.NEGATIVE_INFINITY;
  /** Stands for all requests where their quotas are meant. */
  const host = context.source(url.with([]));
  const affordable = () => host.affordable?.() ?? 0;
  const ended = new AbortController();
  host.watch?.(hostIsWell, ended.signal);
  let closed = false;

  function askOutOfTurn(members: readonly Member[]): void {
    for (const chunk of chunksOf(members.filter(({ asking }) => !asking))) {
      const source = context.source(url.with(chunk.map(({ name }) => name)));
      startAsk(
        { members: chunk, group: undefined, source, label: host.label, conditional: false, over: settle },
        context,
      );
      function settle(outcome: Outcome | undefined): void {
        if (closed || !outcome) return;
        hear(outcome, true);
        for (const member of chunk) if (member.live && !member.group) place(member, outcome);
      }
    }
  }

  function chunksOf(members: readonly Member[]): Member[][] {
    const chunks: Member[][] = [];
    let chunk: Member[] = [];
    let bytes = 0;
    for (const member of members) {
      const more = url.bytesOf(member.name);
      if (chunk.length === 0 || chunk.length === max || bytes + more > URL_BYTES) {
        chunk = [];
        chunks.push(chunk);
        bytes = url.bytes;
      }
      chunk.push(member);
      bytes += more;
    }
    return chunks;
  }

  function place(member: Member, outcome: Outcome): void {
    const begun = groups.place(member, !outcome.ok);
    if (begun) begin(begun, outcome);
  }

  function begin(group: Group, { ok, retryAfter }: Outcome): void {
    host.enlist?.(group.ended.signal);
    if (!ok) group.failed(retryAfter);
    plan(group);
  }

  function hear({ ok, retryAfter }: Outcome, outOfTurn: boolean): void {
    if (ok) {
      lastOk = clock.elapsed();
      if (outOfTurn || leaveAlone) backoff.succeeded(true);
      leaveAlone = false;
    } else if (outOfTurn || retryAfter !== undefined) {
      backoff.failed(clock.elapsed(), retryAfter);
      leaveAlone = retryAfter !== undefined;
    }
  }

  function plan(group: Group): void {
    group.timer?.cancel();
    const now = clock.elapsed();
    const wait = group.schedule.next(now, affordable()) - now;
    group.timer =
      host.affordable && wait > QUOTA_RECHECK
        ? clock.after(QUOTA_RECHECK, () => plan(group))
        : clock.after(wait, () => turn(group));
  }

  function turn(group: Group): void {
    group.schedule.started(clock.elapsed());
    const members = [...group.members].filter(({ asking }) => !asking);
    if (members.length === 0) {
      plan(group);
      return;
    }
    for (const member of members) gathering.delete(member);
    const question = group.questionFor(members);
    startAsk(
      { ...question, members, group, label: host.label, over: (outcome) => turnOver(group, outcome) },
      context,
    );
  }

  function turnOver(group: Group, outcome: Outcome | undefined): void {
    if (closed || !groups.has(group)) return;
    if (!outcome?.whole) group.forget();
    if (outcome) hear(outcome, false);
    if (outcome?.ok) {
      group.succeeded();
      if (groups.merge(group)) return;
    } else if (outcome) {
      const spoilt = group.failedAt !== undefined && lastOk > group.failedAt;
      group.failed(outcome.retryAfter);
      const half = spoilt ? groups.divide(group) : undefined;
      if (half) begin(half, outcome);
    }
    plan(group);
  }

  /** Who was shut out is asked for at once, and not at the end of a backoff. */
  function hostIsWell(): void {
    leaveAlone = false;
    backoff.succeeded(true);
    for (const group of groups) {
      if (!group.failing) continue;
      group.timer?.cancel();
      turn(group);
    }
  }

  async function ask(member: Member): Promise<void> {
    if (!member.asking) {
      member.due?.cancel();
      member.waiting ??= gathering.add(member);
      await member.waiting;
    }
    await member.asking?.done;
  }

  /** When it may be asked for again, as far as its failures go. */
  function notBefore({ state }: Member): number {
    return leaveAlone || state.lastError !== undefined ? backoff.notBefore(0) : 0;
  }

  return {
    interval: () => Math.max(every, affordable()),
    mayAsk: (member) => clock.elapsed() >= notBefore(member),
    ask,
    enroll(member) {
      if (member.waiting || member.asking) return;
      const now = clock.elapsed();
      const { lastStart } = member;
      const due = Math.max(notBefore(member), lastStart === undefined ? 0 : lastStart + every);
      if (due <= now) void ask(member);
      else member.due = clock.after(due - now, () => void ask(member));
    },
    withdraw: (member) => groups.remove(member),
    dismiss: (member) => gathering.delete(member),
    close() {
      closed = true;
      ended.abort();
      gathering.close();
      groups.close();
    },
  };
}
