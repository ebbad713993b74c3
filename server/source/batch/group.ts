import type { Timer } from '../../async/clock.js';
import { createSchedule, type Schedule } from '../schedule.js';
import type { Source } from '../source.js';
import type { BatchContext } from './context.js';
import type { Member } from './member.js';
import { type BatchUrl, URL_BYTES } from './url.js';

/** Instances that are asked for together, once an interval. */
export class Group {
  readonly members = new Set<Member>();
  /** When its last request failed; `undefined` if it did not. */
  failedAt: number | undefined;
  timer: Timer | undefined;
  readonly schedule: Schedule;
  /** Aborts when the group has no turns any more. */
  readonly ended = new AbortController();
  readonly #context: BatchContext;
  readonly #url: BatchUrl;
  readonly #phase: number;
  #bytes = 0;
  /** Of the URL with all members, which it may be asked for again. */
  #source: Source | undefined;
  /** Every member has what the source brought last. */
  #known = false;

  constructor(url: BatchUrl, context: BatchContext) {
    const { every, random, phases, clock } = context;
    this.#context = context;
    this.#url = url;
    this.schedule = createSchedule({ every, jitter: 0, random });
    this.#phase = phases.take(clock.elapsed());
    this.#takePlace();
  }

  get failing(): boolean {
    return this.failedAt !== undefined;
  }

  /** It is tried again after a while that grows. */
  failed(retryAfter: number | undefined): void {
    this.failedAt = this.#context.clock.elapsed();
    this.schedule.failed(this.failedAt, retryAfter);
  }

  succeeded(): void {
    this.schedule.succeeded(true);
    if (!this.failing) return;
    this.failedAt = undefined;
    this.#takePlace();
  }

  /** From now on its turns come at the place in the interval that it was given. */
  #takePlace(): void {
    const { every, clock } = this.#context;
    const now = clock.elapsed();
    this.schedule.restart();
    this.schedule.started(now - ((((now - this.#phase) % every) + every) % every));
  }

  /** Whether there is room for all of them: in number, and in the length of the URL. */
  fits(members: Iterable<Member>): boolean {
    let count = this.members.size;
    let bytes = this.#url.bytes + this.#bytes;
    for (const { name } of members) {
      count += 1;
      bytes += this.#url.bytesOf(name);
    }
    return count <= this.#context.max && bytes <= URL_BYTES;
  }

  add(member: Member): void {
    this.members.add(member);
    member.group = this;
    this.#bytes += this.#url.bytesOf(member.name);
    this.#source = undefined;
  }

  delete(member: Member): void {
    if (!this.members.delete(member)) return;
    member.group = undefined;
    this.#bytes -= this.#url.bytesOf(member.name);
    this.#source = undefined;
  }

  /** What to ask for these of its members, and whether an answer of `unchanged` can be understood. */
  questionFor(members: readonly Member[]): { source: Source; conditional: boolean } {
    const all = members.length === this.members.size;
    const kept = all ? this.#source : undefined;
    const source = kept ?? this.#context.source(this.#url.with(members.map(({ name }) => name)));
    const conditional = kept !== undefined && this.#known;
    this.#source = all ? source : undefined;
    // Unless something comes between, which forgets it.
    this.#known = true;
    return { source, conditional };
  }

  /** A member may have something else than what the group brought. */
  forget(): void {
    this.#known = false;
  }

  end(): void {
    this.timer?.cancel();
    this.ended.abort();
    this.#context.phases.free(this.#phase);
  }
}
