import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import type { Pass } from '../../server/source/host/circuit.js';
import { createGate, type Gate, type GateOptions } from '../../server/source/host/gate.js';
import type { Quota } from '../../server/source/host/quota.js';

const START = 1_000_000;
const DAY = 24 * 60 * 60 * 1_000;
const per = (count: number, unit: 's' | 'm' | 'day'): Quota => ({
  text: `${count}/${unit}`,
  count,
  per: { s: 1_000, m: 60_000, day: DAY }[unit],
});

function setup(options: Partial<GateOptions> = {}) {
  const clock = manualClock(START);
  const gate = createGate({ name: 'api.example', concurrency: 4, quotas: [], clock, ...options });
  const { signal } = new AbortController();
  const admitted: string[] = [];
  return {
    clock,
    gate,
    /** When each of those that asked was let through: `name at ms`. */
    admitted,
    /** Asks for a pass; what comes of it is noted. */
    ask(name: string, { patience = 10_000, by = signal }: { patience?: number; by?: AbortSignal } = {}) {
      return enter(gate, patience, by).then(
        (pass) => {
          admitted.push(`${name} at ${clock.now() - START}`);
          return pass;
        },
        (error: Error) => error,
      );
    },
  };
}

async function enter(gate: Gate, patience: number, signal: AbortSignal): Promise<Pass> {
  return gate.tryEnter() ?? (await gate.enter(patience, signal));
}

describe('concurrency', () => {
  it('lets so many through at once, the others in the order in which they came', async () => {
    const { gate, ask, admitted, clock } = setup({ concurrency: 2 });
    for (const name of ['a', 'b', 'c', 'd']) void ask(name);
    await clock.runUntilIdle();
    expect(admitted).toEqual(['a at 0', 'b at 0']);
    expect([gate.active, gate.waiting]).toEqual([2, 2]);
    gate.leave('regular', 'well');
    await clock.advance(5);
    gate.leave('regular', 'well');
    await clock.runUntilIdle();
    expect(admitted).toEqual(['a at 0', 'b at 0', 'c at 0', 'd at 5']);
    for (let i = 0; i < 2; i++) gate.leave('regular', 'well');
    expect(gate.active).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('does not let a newcomer overtake those who wait', async () => {
    const { gate, ask, admitted, clock } = setup({ concurrency: 1 });
    void ask('a');
    void ask('b');
    await clock.runUntilIdle();
    gate.leave('regular', 'well');
    expect(gate.tryEnter()).toBeUndefined();
    await clock.runUntilIdle();
    expect(admitted).toEqual(['a at 0', 'b at 0']);
  });

  it('an aborted one leaves the line at once, and nothing behind', async () => {
    const { gate, ask, admitted, clock } = setup({ concurrency: 1 });
    const controller = new AbortController();
    void ask('a');
    const aborted = ask('b', { by: controller.signal });
    void ask('c');
    await clock.runUntilIdle();
    controller.abort();
    expect(gate.waiting).toBe(1);
    expect(await aborted).toBeInstanceOf(Error);
    gate.leave('regular', 'well');
    await clock.runUntilIdle();
    expect(admitted).toEqual(['a at 0', 'c at 0']);
    gate.leave('regular', 'well');
    expect(clock.pending).toBe(0);
  });

  it('whose turn does not come in time is told so', async () => {
    const { ask, gate, clock } = setup({ concurrency: 1 });
    void ask('a');
    const late = ask('b', { patience: 2_000 });
    await clock.advance(2_000);
    expect(await late).toMatchObject({
      code: 'source_failed',
      message: 'api.example: no turn for a request within 2 s: 1 under way, 0 more in line',
    });
    expect(gate.waiting).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('a budget', () => {
  it('of a second goes by when requests went, and the others wait in order', async () => {
    const { ask, admitted, clock } = setup({ quotas: [per(2, 's')], concurrency: 9 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) void ask(name);
    await clock.advance(300);
    void ask('f');
    await clock.advance(5_000);
    expect(admitted).toEqual(['a at 0', 'b at 0', 'c at 1000', 'd at 1000', 'e at 2000', 'f at 2000']);
    expect(clock.pending).toBe(0);
  });

  it('of a day holds for a window that begins with the first request', async () => {
    const { gate, ask, admitted, clock } = setup({ quotas: [per(2, 'day')] });
    await clock.advance(500);
    await ask('a');
    await clock.advance(1_000);
    await ask('b');
    const refused = await ask('c');
    expect(refused).toMatchObject({
      code: 'source_failed',
      message: 'api.example: the budget of 2/day is used up until 00:17 UTC',
      retryAfter: DAY - 1_000,
    });
    expect(gate.meters[0]!.left(clock.now())).toBe(0);
    await clock.advance(DAY - 1_001);
    const waits = ask('d', { patience: 2 });
    await clock.advance(1);
    await waits;
    expect(gate.meters[0]!.left(clock.now())).toBe(1);
    expect(admitted).toEqual(['a at 500', 'b at 1500', `d at ${DAY + 500}`]);
    expect(clock.pending).toBe(0);
  });

  it('of several quotas keeps to all; the one that holds longest is named', async () => {
    const { ask, clock } = setup({ quotas: [per(1, 's'), per(2, 'm')] });
    await ask('a');
    expect(await ask('b', { patience: 999 })).toMatchObject({
      message: /of 1\/s is used up until 00:16:41 UTC$/,
    });
    await clock.advance(1_000);
    await ask('b');
    expect(await ask('c')).toMatchObject({ message: /of 2\/m is used up/, retryAfter: 59_000 });
  });

  it('is not touched by one that was refused or left the line', async () => {
    const { gate, ask, clock } = setup({ quotas: [per(1, 's')] });
    await ask('a');
    const controller = new AbortController();
    const aborted = ask('b', { by: controller.signal });
    controller.abort();
    await aborted;
    await ask('c', { patience: 10 });
    await clock.advance(1_000);
    expect(gate.meters[0]!.left(clock.now())).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

describe('a pause', () => {
  it('holds back everybody; who would wait too long is refused with the time that is left', async () => {
    const { gate, ask, admitted, clock } = setup();
    gate.pause(5_000);
    gate.pause(1_000);
    expect(await ask('a', { patience: 5_000 })).toMatchObject({
      message: 'api.example asked to be left alone until 00:16:45 UTC',
      retryAfter: 5_000,
    });
    void ask('b', { patience: 5_001 });
    await clock.advance(5_000);
    expect(admitted).toEqual(['b at 5000']);
    expect(gate.paused).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('that comes while others wait is the reason that they are told', async () => {
    const { gate, ask, clock } = setup({ concurrency: 1 });
    await ask('a');
    const waiting = ask('b', { patience: 1_000 });
    gate.pause(60_000);
    gate.leave('regular', 'unknown');
    await clock.advance(1_000);
    expect(await waiting).toMatchObject({ message: /asked to be left alone until/, retryAfter: 59_000 });
  });
});

describe('the circuit', () => {
  /** Five failures in a row, and how long it is open then. */
  async function broken(script: ReturnType<typeof setup>): Promise<number> {
    for (let i = 0; i < 5; i++) {
      await script.ask(`f${i}`);
      script.gate.leave('regular', 'sick');
    }
    expect(script.gate.circuit).toBe('open');
    const refused = await script.ask('refused');
    expect(refused).toMatchObject({
      message: /^api\.example is left alone until \d\d:\d\d:\d\d UTC after 5 failures in a row$/,
    });
    return (refused as unknown as { retryAfter: number }).retryAfter;
  }

  it('opens after five failures in a row, not after five in all', async () => {
    const { gate, ask } = setup();
    for (const verdict of [
      'sick',
      'sick',
      'sick',
      'sick',
      'well',
      'sick',
      'sick',
      'unknown',
      'sick',
      'sick',
    ] as const) {
      await ask('x');
      gate.leave('regular', verdict);
    }
    expect(gate.circuit).toBe('closed');
    await ask('x');
    gate.leave('regular', 'sick');
    expect(gate.circuit).toBe('open');
  });

  it('refuses those who wait when it opens', async () => {
    const { gate, ask, clock } = setup({ concurrency: 1 });
    for (let i = 0; i < 4; i++) {
      await ask('x');
      gate.leave('regular', 'sick');
    }
    await ask('x');
    const waiting = ask('y');
    gate.leave('regular', 'sick');
    expect(await waiting).toMatchObject({ message: /left alone until/ });
    expect(clock.pending).toBe(0);
  });

  it('lets one probe through when the pause is over; its success lets in all who wait', async () => {
    const script = setup();
    const { gate, ask, admitted, clock } = script;
    await clock.advance(await broken(script));
    expect(gate.circuit).toBe('half-open');
    admitted.length = 0;
    const probe = await ask('probe');
    void ask('a');
    void ask('b');
    await clock.runUntilIdle();
    expect(admitted).toHaveLength(1);
    expect(probe).toBe('probe');
    gate.leave('probe', 'well');
    await clock.runUntilIdle();
    expect(admitted.map((entry) => entry.split(' ')[0])).toEqual(['probe', 'a', 'b']);
    expect(gate.circuit).toBe('closed');
    expect(clock.pending).toBe(0);
  });

  it('waits longer after each probe that fails, up to a minute, and anew after a success', async () => {
    const script = setup();
    const { gate, ask, clock } = script;
    const pauses = [await broken(script)];
    for (let i = 0; i < 7; i++) {
      await clock.advance(pauses.at(-1)!);
      const probe = (await ask('probe')) as Pass;
      gate.leave(probe, 'sick');
      pauses.push(((await ask('x')) as unknown as { retryAfter: number }).retryAfter);
    }
    for (const [i, pause] of pauses.entries()) {
      const limit = Math.min(60_000, 2_000 * 2 ** i);
      expect(pause).toBeGreaterThanOrEqual(limit / 2);
      expect(pause).toBeLessThanOrEqual(limit);
    }
    await clock.advance(60_000);
    gate.leave((await ask('probe')) as Pass, 'well');
    expect(await broken(script)).toBeLessThanOrEqual(2_000);
  });

  it('makes the next in line the probe when the first was called off', async () => {
    const script = setup();
    const { gate, ask, admitted, clock } = script;
    await clock.advance(await broken(script));
    await ask('called off');
    const next = ask('next');
    await clock.runUntilIdle();
    gate.leave('probe', 'unknown');
    expect(await next).toBe('probe');
    expect(admitted.at(-1)).toMatch(/^next/);
    expect(gate.circuit).toBe('half-open');
  });

  it('is not closed by a late answer to a request from before it opened', async () => {
    const script = setup({ concurrency: 9 });
    await script.ask('slow');
    await broken(script);
    script.gate.leave('regular', 'well');
    expect(script.gate.circuit).toBe('open');
  });
});

describe('whatever comes', () => {
  const arrival = fc.record({
    after: fc.integer({ min: 0, max: 700 }),
    takes: fc.integer({ min: 0, max: 2_000 }),
    aborts: fc.option(fc.integer({ min: 0, max: 1_500 }), { nil: undefined, freq: 3 }),
    patience: fc.integer({ min: 0, max: 3_000 }),
  });

  it('never more at once than allowed, never more than a quota in any stretch of its length, in order, and nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arrival, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 6 }),
        async (arrivals, concurrency, count) => {
          const { clock, gate } = setup({ concurrency, quotas: [per(count, 's'), per(count * 5, 'm')] });
          const went: { at: number; order: number }[] = [];
          let most = 0;
          for (const [order, { after, takes, aborts, patience }] of arrivals.entries()) {
            await clock.advance(after);
            const controller = new AbortController();
            if (aborts !== undefined) clock.after(aborts, () => controller.abort());
            enter(gate, patience, controller.signal).then(
              (pass) => {
                went.push({ at: clock.now(), order });
                most = Math.max(most, gate.active);
                clock.after(takes, () => gate.leave(pass, 'well'));
              },
              () => {},
            );
          }
          await clock.advance(10_000);
          expect(most).toBeLessThanOrEqual(concurrency);
          for (const { count, per } of gate.meters.map(({ quota }) => quota)) {
            for (const { at } of went) {
              expect(
                went.filter((other) => other.at > at - per && other.at <= at).length,
              ).toBeLessThanOrEqual(count);
            }
          }
          expect(went.map(({ order }) => order)).toEqual(
            went.map(({ order }) => order).sort((a, b) => a - b),
          );
          expect([gate.active, gate.waiting, clock.pending]).toEqual([0, 0, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a line that only the quota holds up moves as fast as the quota allows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 40 }),
        async (count, size) => {
          const { clock, ask, admitted } = setup({ concurrency: 1_000, quotas: [per(count, 's')] });
          for (let i = 0; i < size; i++) void ask(String(i), { patience: 100_000 });
          await clock.advance(60_000);
          expect(admitted).toEqual(
            Array.from({ length: size }, (_, i) => `${i} at ${Math.floor(i / count) * 1_000}`),
          );
        },
      ),
      { numRuns: 30 },
    );
  });
});
