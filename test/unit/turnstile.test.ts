import { setMaxListeners } from 'node:events';
import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createGatekeeper } from '../../server/edge/gatekeeper.js';
import { createTurnstile } from '../../server/edge/turnstile.js';

const PER_SECOND = 100;
const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

/** Notes who has passed, in order. */
function crowd(perSecond = PER_SECOND) {
  const clock = manualClock();
  const turnstile = createTurnstile(perSecond, clock);
  const passed: number[] = [];
  const refused: string[] = [];
  const come = (n: number, gone = NEVER) =>
    turnstile.pass(gone).then(
      () => void passed.push(n),
      (error) => void refused.push(error.code),
    );
  return { clock, turnstile, passed, refused, come };
}

it('lets a few pass at once, and a crowd at the rate, in the order of coming', async () => {
  const { clock, passed, come } = crowd();
  for (let n = 0; n < 3 * PER_SECOND; n++) void come(n);
  await clock.advance(0);
  expect(passed.length).toBe(PER_SECOND / 10);
  await clock.advance(1_000);
  expect(Math.abs(passed.length - PER_SECOND * 1.1)).toBeLessThanOrEqual(2);
  await clock.advance(2_000);
  expect(passed).toEqual(Array.from({ length: 3 * PER_SECOND }, (_, n) => n));
  expect(clock.pending).toBe(0);
});

it('refuses who would have to wait too long', async () => {
  const { clock, passed, refused, come } = crowd();
  for (let n = 0; n < 7 * PER_SECOND; n++) void come(n);
  await clock.advance(6_000);
  expect(passed.length + refused.length).toBe(7 * PER_SECOND);
  expect(passed.length).toBe(5 * PER_SECOND + PER_SECOND / 10);
  expect(new Set(refused)).toEqual(new Set(['limit']));
});

it('does not wait for who has gone', async () => {
  const { clock, passed, come } = crowd();
  const gone = new AbortController();
  setMaxListeners(0, gone.signal);
  for (let n = 0; n < PER_SECOND; n++) void come(n, gone.signal);
  void come(1_000);
  gone.abort();
  await clock.advance(20);
  expect(passed.at(-1)).toBe(1_000);
  expect(passed.length).toBe(PER_SECOND + 1);
});

it('sends everybody away when the server drains, and leaves no timer', async () => {
  const clock = manualClock();
  const limits = { connections: 0, connectionsPerAddress: 0, acceptPerSecond: PER_SECOND };
  const gatekeeper = createGatekeeper(limits, clock);
  const results = Array.from({ length: PER_SECOND }, () =>
    gatekeeper.admitInTurn('a', 'websocket', NEVER).then(
      (guest) => guest.leave(),
      (error) => error.code as string,
    ),
  );
  await clock.advance(0);
  await gatekeeper.shut();
  expect((await Promise.all(results)).filter((result) => result === 'unavailable').length).toBe(
    PER_SECOND * 0.9,
  );
  expect([gatekeeper.inside, clock.pending]).toEqual([0, 0]);
});

it('counts who waits as inside, until it goes', async () => {
  const clock = manualClock();
  const limits = { connections: 5, connectionsPerAddress: 0, acceptPerSecond: 1 };
  const gatekeeper = createGatekeeper(limits, clock);
  const gone = new AbortController();
  for (let n = 0; n < 5; n++) void gatekeeper.admitInTurn('a', 'sse', gone.signal);
  expect(gatekeeper.inside).toBe(5);
  await expect(gatekeeper.admitInTurn('a', 'sse', NEVER)).rejects.toMatchObject({ limit: 'connections' });
  gone.abort();
  // The first was let in, and has to leave by itself.
  expect(gatekeeper.inside).toBe(1);
});

it('is open to all where there is no limit', async () => {
  const { clock, passed, come } = crowd(0);
  for (let n = 0; n < 1_000; n++) void come(n);
  await clock.advance(0);
  expect(passed.length).toBe(1_000);
});
