import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { run } from '../../server/async/task.js';
import { type Deadline, startDeadline } from '../../server/source/deadline.js';
import { startTransform } from '../../server/source/transform/transform.js';

function start(timeout: number) {
  const clock = manualClock();
  const owner = new AbortController();
  return { clock, owner, deadline: startDeadline({ label: 'work', timeout, owner: owner.signal, clock }) };
}

it('a deadline aborts when its time is up, and says after how long', async () => {
  const { clock, deadline } = start(2_000);
  await clock.advance(1_999);
  expect(deadline.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(deadline.expired).toBe(true);
  expect(deadline.signal.reason).toMatchObject({
    code: 'source_timeout',
    message: 'work gave no complete answer within 2 s',
  });
});

it('a deadline aborts with its owner, for the reason of the owner, also where that came first', () => {
  const { owner, deadline, clock } = start(2_000);
  const reason = new Error('enough');
  owner.abort(reason);
  expect(deadline.signal.reason).toBe(reason);
  expect(deadline.expired).toBe(false);
  const late = startDeadline({ label: 'work', timeout: 2_000, owner: owner.signal, clock });
  expect(late.signal.reason).toBe(reason);
});

it('a deadline tells those who listen, once, and not those who left', async () => {
  const { clock, owner, deadline } = start(2_000);
  const told: string[] = [];
  const gone = () => told.push('gone');
  deadline.onAbort(gone);
  deadline.onAbort(() => told.push(`aborted: ${deadline.aborted}`));
  deadline.offAbort(gone);
  await clock.advance(2_000);
  owner.abort();
  expect(told).toEqual(['aborted: true']);
});

it('a deadline whose signal is asked for only afterwards has one that is aborted, for the same reason', async () => {
  const { clock, deadline } = start(2_000);
  await clock.advance(2_000);
  expect(deadline.signal.aborted).toBe(true);
  expect(deadline.signal.reason).toBe(deadline.reason);
});

it('a deadline aborts when the task that owns it is cancelled, and when its work ends', async () => {
  const clock = manualClock();
  const deadlines: Deadline[] = [];
  const work = (end: Promise<unknown>) => async (signal: AbortSignal) => {
    deadlines.push(startDeadline({ label: 'work', timeout: 2_000, owner: signal, clock }));
    await end;
  };
  let release = () => {};
  const cancelled = run(work(new Promise<void>((resolve) => (release = resolve))));
  const ended = run(work(Promise.resolve()));
  await ended;
  cancelled.cancel('enough');
  expect(deadlines.map(({ aborted, expired }) => ({ aborted, expired }))).toEqual([
    { aborted: true, expired: false },
    { aborted: true, expired: false },
  ]);
  expect(deadlines[0]!.reason).toMatchObject({ message: 'enough' });
  release();
  await cancelled;
});

it('a deadline that is held stands still, and the wait counts against the patience', async () => {
  const { clock, deadline } = start(2_000);
  await clock.advance(500);
  deadline.hold();
  await clock.advance(800);
  expect(deadline.left).toBe(1_500);
  deadline.go();
  expect(deadline.patience).toBe(1_200);
  await clock.advance(1_499);
  expect(deadline.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(deadline.expired).toBe(true);
});

it('a deadline that is restarted names the new time', async () => {
  const { clock, deadline } = start(2_000);
  await clock.advance(1_000);
  deadline.restart(3_000);
  await clock.advance(2_999);
  expect(deadline.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(deadline.signal.reason).toMatchObject({ message: 'work gave no complete answer within 3 s' });
});

it('a deadline leaves no timer when it ends, whatever is asked of it afterwards', () => {
  const { clock, deadline } = start(2_000);
  deadline.end();
  deadline.restart(1_000);
  expect(clock.pending).toBe(0);
});

it('a transform takes its time from the clock it is given', async () => {
  const clock = manualClock();
  const board = () => new Promise<null>(() => {});
  const runner = startTransform(board, clock);
  const { signal } = new AbortController();
  const made = runner.run(1, { topic: 't', previous: undefined, signal });
  const failed = expect(made).rejects.toThrow('the transform board gave no complete answer within 5 s');
  await clock.advance(5_000);
  await failed;
  expect(clock.pending).toBe(0);
});
