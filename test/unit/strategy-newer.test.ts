import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import type { Source } from '../../server/source/source.js';
import { createRecency } from '../../server/source/strategy/newer.js';
import { type StrategyOptions, strategySource } from '../../server/source/strategy/strategy.js';
import type { Json } from '../../shared/json.js';

/** A source whose every fetch waits until it is settled by hand. */
function handSource(label: string) {
  let open: { resolve(value: Json): void; reject(error: Error): void } | undefined;
  const source: Source = {
    label,
    fetch: ({ signal }) =>
      new Promise((resolve, reject) => {
        open = { resolve: (value) => resolve({ kind: 'value', value }), reject };
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  };
  return { source, open: () => open, forget: () => (open = undefined) };
}

interface Round {
  /** The time each of the three answers with; `null`: it fails. */
  times: (number | null)[];
  /** Who answers first. */
  order: number[];
  /** The fetch is told of no previous value, as after a transform that failed. */
  anew: boolean;
}

const round: fc.Arbitrary<Round> = fc.record({
  times: fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { freq: 4 }), { minLength: 3, maxLength: 3 }),
  order: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
  anew: fc.boolean(),
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The times that a topic held, one after the other, over some rounds of answers. */
async function timesHeld(strategy: StrategyOptions['strategy'], rounds: Round[]): Promise<number[][]> {
  const hands = ['a', 'b', 'c'].map(handSource);
  const sources = hands.map(({ source }) => source);
  const clock = manualClock();
  const source = strategySource({ strategy, sources, newer: '/t', need: 2, ignore: ['/by'], clock });
  let held: Json | undefined;
  const seen: number[][] = [];
  for (const { times, order, anew } of rounds) {
    for (const hand of hands) hand.forget();
    let over = false;
    const fetching = source
      .fetch({ signal: new AbortController().signal, previous: anew ? undefined : held })
      .then((fetched) => {
        if (fetched.kind === 'value') held = fetched.value;
      })
      .catch(() => {})
      .finally(() => {
        over = true;
      });
    while (!over) {
      await turn();
      const next = order.find((index) => hands[index]!.open());
      if (next === undefined) continue;
      const time = times[next];
      const hand = hands[next]!.open()!;
      hands[next]!.forget();
      if (typeof time === 'number') hand.resolve({ t: time, by: next });
      else hand.reject(new Error('down'));
    }
    await fetching;
    if (held !== undefined) seen.push([held].flat().map((part) => (part as { t: number }).t));
  }
  return seen;
}

describe('newer', () => {
  it.each(['first', 'fallback', 'quorum', 'all'] as const)(
    'never lets a topic go backwards, whatever %s is answered and in which order',
    async (strategy) => {
      const rounds = fc.array(round, { minLength: 1, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(rounds, async (given) => {
          const seen = await timesHeld(strategy, given);
          for (const [index, times] of seen.entries()) {
            const before = seen[index - 1] ?? times;
            for (const [part, time] of times.entries()) expect(time).toBeGreaterThanOrEqual(before[part]!);
          }
        }),
        { numRuns: 100 },
      );
    },
  );

  it('lets a topic that was warm before the start not go backwards either', async () => {
    const clock = manualClock();
    const times = [3, 3, 2, 3];
    const old: Source = {
      label: 'old',
      fetch: async () => ({ kind: 'value', value: { t: times.shift()! } }),
    };
    const source = strategySource({ strategy: 'first', sources: [old], newer: '/t', clock });
    const { signal } = new AbortController();
    expect(await source.fetch({ signal, previous: { t: 4 } })).toEqual({ kind: 'unchanged' });
    expect(await source.fetch({ signal, previous: undefined })).toMatchObject({ kind: 'value' });
    // What a transform made of it has no such field; then what was delivered counts.
    expect(await source.fetch({ signal, previous: 'transformed' })).toEqual({ kind: 'unchanged' });
    expect(await source.fetch({ signal, previous: 'transformed' })).toMatchObject({ kind: 'value' });
  });

  const { older } = createRecency('/t', ['t']);
  it.each<[value: Json, held: Json, isOlder: boolean]>([
    [9, 10, true],
    ['9', '10', true],
    ['9007199254740992', '9007199254740993', true],
    ['9', 10, true],
    ['2024-05-01T11:30:00+02:00', '2024-05-01T10:00:00Z', true],
    ['2024-05-01', '2024-04-30', false],
    ['v1.2', 'v1.3', true],
    [1, 1, false],
    [1, null, false],
  ])('compares %j with %j', (t, held, isOlder) => {
    expect(older({ t }, { t: held }, 'a source')).toBe(isOlder);
  });
});
