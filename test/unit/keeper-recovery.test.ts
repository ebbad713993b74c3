import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createRecovery, type Health } from '../../server/store/durable/recovery.js';

function recovering() {
  const clock = manualClock();
  const health: Health = { failures: 0, failing: undefined };
  const attempts: number[] = [];
  const turns: (string | undefined)[] = [];
  const recovery = createRecovery({
    health,
    clock,
    onTurn: () => turns.push(health.failing),
    attempt: () => attempts.push(clock.now()),
  });
  return { clock, health, attempts, turns, recovery };
}

describe('a failure to keep the state', () => {
  it('is told once, and tried again after waits that double', async () => {
    const { clock, health, attempts, turns, recovery } = recovering();
    for (const code of ['ENOSPC', 'ENOSPC', 'EROFS']) {
      recovery.failed(Object.assign(new Error('x'), { code }));
      recovery.tryLater();
      recovery.tryLater();
      await clock.advance(30_000);
    }
    expect(turns).toEqual(['its disk is full']);
    expect(health).toEqual({ failures: 3, failing: 'its disk is read-only' });
    expect(attempts.map((at, i) => at - i * 30_000 - attempts[0]!)).toEqual([0, 1_000, 3_000]);
  });

  it('leaves nothing planned once it is over, whoever ended it', async () => {
    const { clock, attempts, turns, recovery } = recovering();
    recovery.failed(new Error('gone'));
    recovery.tryLater();
    recovery.succeeded();
    expect(recovery.isPlanned).toBe(false);
    await clock.advance(60_000);
    expect(attempts).toEqual([]);
    expect(turns).toEqual(['gone', undefined]);
  });

  it('can be followed by another: an attempt that was made is none that is planned', async () => {
    const { clock, attempts, recovery } = recovering();
    recovery.tryLater();
    await clock.advance(1_000);
    expect(recovery.isPlanned).toBe(false);
    recovery.tryLater();
    await clock.advance(2_000);
    expect(attempts).toHaveLength(2);
  });
});
