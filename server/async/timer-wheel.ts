import { setAlarm } from './alarm.js';
import type { Clock, Timer } from './clock.js';

export interface TimerWheelOptions {
  /** Milliseconds by which a timer may come late, so that many come at once; default 10. */
  tick?: number;
}

const TICK = 10;
/** Slots of each level; one slot is as long as the whole level below. */
const SLOTS = 256;
/** With a tick of 1 ms they reach over 34 years. */
const LEVELS = 5;
/** The longest delay, in ms: a year of 365 days. */
const LONGEST = 365 * 24 * 60 * 60 * 1_000;

/**
 * A clock whose timers are all driven by one timer of another: setting and cancelling one costs the same however many
 * there are. A timer never fires before its time, and at most one tick after it as far as the other clock is on time;
 * those that fire together do so in the order of their times. While none waits, the other clock has no timer either.
 * Delays beyond a year of 365 days are clamped to it, however long the other clock can wait.
 */
export function createTimerWheel(clock: Clock, { tick = TICK }: TimerWheelOptions = {}): Clock {
  const wheel = new TimerWheel(clock, tick);
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    after: (delay, fire) => wheel.add(delay, fire),
  };
}

class Entry implements Timer {
  /** When it is due, in ms of the wheel's time. */
  readonly at: number;
  /** Of those that are due at one time, the one that was set first comes first. */
  readonly order: number;
  readonly fire: () => void;
  readonly #wheel: TimerWheel;
  /** Where it waits; `undefined` once it fired or was cancelled. */
  slot: Set<Entry> | undefined;
  level = 0;

  constructor(wheel: TimerWheel, at: number, order: number, fire: () => void) {
    this.#wheel = wheel;
    this.at = at;
    this.order = order;
    this.fire = fire;
  }

  cancel(): void {
    if (this.slot) this.#wheel.remove(this);
  }
}

/** A hierarchical timing wheel (G. Varghese, T. Lauck, 1987). Ticks count from the wheel's making. */
class TimerWheel {
  readonly #clock: Clock;
  readonly #tick: number;
  /** When the wheel's time began, by the clock. */
  readonly #origin: number;
  /**
   * The tick up to which everything has been taken out. A timer waits on the level of the highest digit (to the base
   * of SLOTS) in which its tick differs from this one, in the slot of that digit.
   */
  #current = 0;
  readonly #levels: Set<Entry>[][] = Array.from({ length: LEVELS }, () => []);
  /** How many wait on each level. */
  readonly #sizes = new Array<number>(LEVELS).fill(0);
  /** What has been taken out to be fired now. */
  readonly #due = new Set<Entry>();
  #order = 0;
  #alarm: { timer: Timer; tick: number } | undefined;
  #firing = false;

  constructor(clock: Clock, tick: number) {
    this.#clock = clock;
    this.#tick = tick;
    this.#origin = clock.elapsed();
  }

  add(delay: number, fire: () => void): Timer {
    const now = this.#read();
    if (this.#isEmpty) this.#current = Math.floor(now / this.#tick);
    const at = now + Math.min(Math.max(0, delay), LONGEST);
    const entry = new Entry(this, at, this.#order++, fire);
    const begins = this.#place(entry);
    if (!this.#firing) this.#wakeAt(begins, now);
    return entry;
  }

  remove(entry: Entry): void {
    entry.slot?.delete(entry);
    if (entry.slot !== this.#due) this.#sizes[entry.level]! -= 1;
    entry.slot = undefined;
    if (!this.#isEmpty || this.#firing) return;
    this.#alarm?.timer.cancel();
    this.#alarm = undefined;
  }

  get #isEmpty(): boolean {
    return this.#due.size === 0 && this.#sizes.every((size) => size === 0);
  }

  /** Milliseconds of the wheel's time. */
  #read(): number {
    return this.#clock.elapsed() - this.#origin;
  }

  /** Puts a timer into the slot where it belongs, and gives the tick with which that begins. */
  #place(entry: Entry): number {
    const tick = Math.max(Math.ceil(entry.at / this.#tick), this.#current + 1);
    let level = 0;
    let width = 1;
    while (Math.floor(tick / (width * SLOTS)) !== Math.floor(this.#current / (width * SLOTS))) {
      level += 1;
      width *= SLOTS;
    }
    const digit = Math.floor(tick / width) % SLOTS;
    const slots = this.#levels[level]!;
    slots[digit] ??= new Set();
    entry.slot = slots[digit].add(entry);
    entry.level = level;
    this.#sizes[level]! += 1;
    return Math.floor(tick / width) * width;
  }

  /** The first slot that is not empty, and the tick with which it begins. */
  #next(): { slot: Set<Entry>; begins: number; level: number } | undefined {
    let width = 1;
    for (const [level, slots] of this.#levels.entries()) {
      const turn = Math.floor(this.#current / width);
      for (let digit = (turn % SLOTS) + 1; this.#sizes[level]! > 0 && digit < SLOTS; digit++) {
        const slot = slots[digit];
        if (slot?.size) return { slot, begins: (turn - (turn % SLOTS) + digit) * width, level };
      }
      width *= SLOTS;
    }
    return undefined;
  }

  #wakeAt(tick: number, now: number): void {
    if (this.#alarm && this.#alarm.tick <= tick) return;
    this.#alarm?.timer.cancel();
    const delay = Math.max(0, Math.ceil(tick * this.#tick - now));
    this.#alarm = { tick, timer: setAlarm(this.#clock, delay, () => this.#wake()) };
  }

  #wake(): void {
    this.#alarm = undefined;
    this.#takeOut(Math.floor(this.#read() / this.#tick));
    this.#firing = true;
    try {
      for (const entry of this.#due) {
        this.#due.delete(entry);
        entry.slot = undefined;
        entry.fire();
      }
    } finally {
      this.#firing = false;
      const next = this.#due.size > 0 ? this.#current : this.#next()?.begins;
      if (next !== undefined) this.#wakeAt(next, this.#read());
    }
  }

  /** Moves everything that is due by a tick to what is fired now, in order. */
  #takeOut(until: number): void {
    const due = [...this.#due];
    for (let next = this.#next(); next && next.begins <= until; next = this.#next()) {
      const entries = [...next.slot];
      next.slot.clear();
      this.#sizes[next.level]! -= entries.length;
      this.#current = next.begins;
      for (const entry of entries) {
        if (Math.ceil(entry.at / this.#tick) <= this.#current) due.push(entry);
        else this.#place(entry);
      }
    }
    this.#current = Math.max(this.#current, until);
    this.#due.clear();
    for (const entry of due.sort((a, b) => a.at - b.at || a.order - b.order))
      entry.slot = this.#due.add(entry);
  }
}
