import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createMailbox } from '../../server/source/redis/mailbox.js';

const { signal } = new AbortController();

function open(bounds = { messages: 2, characters: 10 }) {
  const clock = manualClock();
  return { clock, mailbox: createMailbox(bounds, clock) };
}

it('a mailbox gives what came, in order, and no more of it the next time', async () => {
  const { mailbox } = open();
  mailbox.put('a');
  mailbox.put('b');
  await mailbox.something(1_000, signal);
  expect(mailbox.take()).toEqual({ messages: ['a', 'b'], dropped: 0 });
  expect(mailbox.take()).toEqual({ messages: [], dropped: 0 });
});

it('a mailbox drops what is beyond its bounds, and tells how many that were', () => {
  const { mailbox } = open();
  mailbox.put('123456');
  mailbox.put('12345');
  mailbox.put('1234');
  mailbox.put('');
  expect(mailbox.take()).toEqual({ messages: ['123456', '1234'], dropped: 2 });
});

it('whoever waits at a mailbox is woken by the first message, and no timer is left', async () => {
  const { clock, mailbox } = open();
  const something = mailbox.something(1_000, signal);
  expect(clock.pending).toBe(1);
  mailbox.put('a');
  await something;
  expect(clock.pending).toBe(0);
});

it('whoever waits at a mailbox that stays empty goes on when the time is up', async () => {
  const { clock, mailbox } = open();
  let waiting = true;
  const something = mailbox.something(1_000, signal).then(() => (waiting = false));
  await clock.advance(999);
  expect(waiting).toBe(true);
  await clock.advance(1);
  await something;
});

it('whoever waits at a mailbox ends with its signal, and no timer is left', async () => {
  const { clock, mailbox } = open();
  const owner = new AbortController();
  const something = mailbox.something(1_000, owner.signal);
  owner.abort();
  await expect(something).rejects.toThrow();
  expect(clock.pending).toBe(0);
});
