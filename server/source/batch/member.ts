import { equal } from '../../../shared/equal.js';
import { HeadwaterError } from '../../../shared/errors.js';
import type { Json } from '../../../shared/json.js';
import type { Timer } from '../../async/clock.js';
import type { TopicWriter } from '../../store/store.js';
import { Demand, type Sleeper } from '../demand.js';
import { elapsedAt, fetchedAt } from '../fetched-at.js';
import { type Refresher, type RefresherState, refresherState } from '../refresher.js';
import { reasonOf, SourceError } from '../source-error.js';
import type { Ask } from './ask.js';
import type { BatchContext } from './context.js';
import type { Group } from './group.js';

/** Who asks on behalf of a member. */
export interface Desk {
  /** It is wanted at intervals from now on. */
  enroll(member: Member): void;
  /** It is not any more. */
  withdraw(member: Member): void;
  /** Asks for it out of turn; resolves when that is over, well or badly. A request under way is shared. */
  ask(member: Member): Promise<void>;
  /** Whether it may be asked for only because somebody reads it: not while it fails and the next try is not due. */
  mayAsk(member: Member): boolean;
  /** How far apart its turns are now. */
  interval(): number;
  /** It is closed. */
  dismiss(member: Member): void;
}

type MemberContext = Omit<BatchContext, 'source'>;

/** One instance of a batch. A class, since there are ten thousands of them. */
export class Member implements Refresher, Sleeper {
  readonly name: string;
  /** Fetches and failures are counted where they are made: a request is one for many. */
  readonly state: RefresherState;
  /** With whom it is asked for at intervals. */
  group: Group | undefined;
  /** Resolves when the request that it waits for begins. */
  waiting: Promise<void> | undefined;
  /** The request for it that is under way; never more than one. */
  asking: Ask | undefined;
  /** When it is due, if it is wanted and has neither a group nor a request. */
  due: Timer | undefined;
  /** When the last request for it began, by the time that nobody sets; ms. */
  lastStart: number | undefined;
  /** Wanted at intervals. */
  live = false;
  readonly #topic: TopicWriter;
  readonly #desk: Desk;
  readonly #context: MemberContext;
  /** What the topic's value was made of. */
  #record: Json | undefined;
  #missing = false;
  /** When the last request began that is over. */
  #settledStart: number | undefined;
  /** While live: whether its requests have caught up with a pause before. */
  #caughtUp = false;
  readonly #demand: Demand;
  #closed = false;

  constructor(name: string, topic: TopicWriter, desk: Desk, context: MemberContext) {
    this.name = name;
    this.#topic = topic;
    this.#desk = desk;
    this.#context = context;
    const { clock } = context;
    const fetched = fetchedAt(topic.view, clock.now());
    this.lastStart = elapsedAt(fetched, clock);
    this.#settledStart = this.lastStart;
    this.state = refresherState(fetched);
    this.#demand = new Demand(this, context);
  }

  get ready(): boolean {
    return this.#context.when === 'subscribed' || this.#settledStart !== undefined;
  }

  async refresh(): Promise<void> {
    if (this.#closed) throw this.#noLongerFetched();
    await this.#desk.ask(this);
  }

  async freshen(wanted = this.#context.maxAge): Promise<void> {
    const { every, maxAge } = this.#context;
    const limit = Math.max(wanted, Math.min(every, maxAge));
    const kept = this.live && this.#caughtUp && this.#desk.interval() <= limit;
    if (this.#closed || kept || !this.isOlder(limit)) return;
    if (this.asking || this.#desk.mayAsk(this)) await this.#desk.ask(this);
  }

  setDemand(subscribed: boolean): void {
    this.#demand.set(subscribed);
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#demand.close();
      this.#setMissing(false);
      this.#desk.dismiss(this);
    }
    const { asking } = this;
    if (asking?.leave(this)) await asking.done;
  }

  /** Whether the last request that is over began so long ago, in ms. */
  isOlder(limit: number): boolean {
    return this.#settledStart === undefined || this.#context.clock.elapsed() - this.#settledStart >= limit;
  }

  /** A request for it begins. */
  asked(ask: Ask): void {
    const { clock } = this.#context;
    this.asking = ask;
    this.waiting = undefined;
    this.lastStart = clock.elapsed();
    this.state.lastStart = clock.now();
    this.state.running = true;
  }

  /** The request is over, and it has been told what came. */
  answered(): void {
    this.asking = undefined;
    this.state.running = false;
    this.#settledStart = this.lastStart;
    this.#caughtUp = this.live;
  }

  /** Whether its value was made of such a record. */
  holds(record: Json): boolean {
    return this.#record !== undefined && equal(this.#record, record);
  }

  /** The answer says of it what it said before. */
  stands(now: number): void {
    if (this.#missing) return;
    this.#topic.checked(now);
    this.#succeeded(now);
  }

  /** Its record is a new one. False, now or later, if no value can be made of it. */
  take(record: Json, now: number, signal: AbortSignal): boolean | Promise<boolean> {
    return this.#context.transform ? this.#transform(record, signal) : this.#commit(record, record, now);
  }

  /** The answer has no record of it. */
  leftOut(label: string): void {
    this.#record = undefined;
    if (!this.#missing) this.failed(new SourceError(`${label} left it out`), label);
    this.#setMissing(true);
  }

  failed(error: unknown, label: string): void {
    this.#setMissing(false);
    this.state.lastError = error;
    this.#topic.fail(reasonOf(label, error));
  }

  async #transform(record: Json, signal: AbortSignal): Promise<boolean> {
    const { transform, clock } = this.#context;
    const topic = this.#topic.view.name;
    try {
      const value = await transform!(record, { topic, previous: this.#topic.latest, signal });
      return this.#closed || this.#commit(record, value, clock.now());
    } catch (error) {
      if (!this.#closed) this.#unusable(error);
      return false;
    }
  }

  #commit(record: Json, value: Json, now: number): boolean {
    try {
      this.#topic.set(value, now);
    } catch (error) {
      this.#unusable(error);
      return false;
    }
    this.#record = record;
    this.#succeeded(now);
    return true;
  }

  /** The record is right, but not for this topic: the next answer is a new chance. */
  #unusable(error: unknown): void {
    this.#record = undefined;
    this.failed(error, `"${this.#topic.view.name}"`);
    this.#context.onError?.(error);
  }

  #succeeded(now: number): void {
    this.#setMissing(false);
    this.state.lastSuccess = now;
    this.state.lastError = undefined;
  }

  #setMissing(missing: boolean): void {
    if (missing === this.#missing) return;
    this.#missing = missing;
    this.#context.stats.missing += missing ? 1 : -1;
  }

  wake(): void {
    if (this.live) return;
    this.live = true;
    this.#caughtUp = !this.isOlder(this.#context.every);
    this.#context.stats.instances += 1;
    this.#desk.enroll(this);
  }

  rest(): void {
    if (!this.live) return;
    this.live = false;
    this.due?.cancel();
    this.due = undefined;
    this.#context.stats.instances -= 1;
    this.#desk.withdraw(this);
  }

  #noLongerFetched(): HeadwaterError {
    return new HeadwaterError('closed', `"${this.#topic.view.name}" is no longer fetched: the server stops`);
  }
}
