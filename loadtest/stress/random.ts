import type { Json } from '../../shared/json.js';

/** All chance of a scenario: the same seed gives the same choices, in the order in which they are asked for. */
export interface Random {
  /** From 0, below 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A copy in another order. */
  shuffle<T>(items: readonly T[]): T[];
  /** Lower-case letters. */
  text(length: number): string;
  /** A small JSON value. */
  json(depth?: number): Json;
  /** A generator of its own for one of several actors, whose turns nobody can foresee: it depends on the seed and `name` alone. */
  fork(name: string): Random;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Mulberry32, a generator of 32 bits of state in the public domain. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const random: Random = {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => items[int(0, items.length - 1)]!,
    shuffle(items) {
      const shuffled = [...items];
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = int(0, last);
        [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
      }
      return shuffled;
    },
    text: (length) => Array.from({ length }, () => LETTERS[int(0, 25)]).join(''),
    json(depth = 3) {
      const kind = int(0, depth > 0 ? 6 : 4);
      if (kind === 0) return null;
      if (kind === 1) return next() < 0.5;
      if (kind === 2) return int(-1_000, 1_000);
      if (kind === 3) return next();
      if (kind === 4) return random.text(int(0, 12));
      const size = int(0, 4);
      if (kind === 5) return Array.from({ length: size }, () => random.json(depth - 1));
      return Object.fromEntries(Array.from({ length: size }, () => [random.text(2), random.json(depth - 1)]));
    },
    fork: (name) => createRandom(hash(`${seed} ${name}`)),
  };
  return random;
}

/** FNV-1a of a text, in 32 bits. */
export function hash(text: string): number {
  let hashed = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hashed = Math.imul(hashed ^ byte, 0x01000193);
  return hashed >>> 0;
}
