import { check, pause, same, until } from '../check.js';
import { openEventStream } from '../clients/event-stream.js';
import { FOLLOW, followEventStream, followWebSocket } from '../clients/follow.js';
import { frameOf, openRaw, upgrade } from '../clients/raw.js';
import { createReplica, keepLedger, type Ledger } from '../ledger.js';
import type { Random } from '../random.js';
import type { Theme } from '../scenario.js';
import { type Served, serve } from '../world/serve.js';

/** Large enough that a few dozen fill the kernel's buffers and then an outbox. */
const BULK = 300_000;
const COMMITS = 40;
/** Where many read, fewer do. */
const FEWER = 24;

const CONFIG = {
  topics: [{ topic: 'board' }, { topic: 'log', kind: 'event' as const, history: { count: 5 } }],
  limits: { outboxBytes: 200_000 },
};

/** Who reads slowly, or not at all, costs a bounded outbox and never sees anything wrong. */
export const slowReaders: Theme = {
  policies: 'each',
  scenarios: {
    async 'a WebSocket that stops reading ends with the exact value'(stage) {
      const served = await serve(stage, CONFIG);
      const ledger = keepLedger(served.headwater, 'board');
      const slow = await followWebSocket('patch')(stage, served, ledger);
      const good = await followWebSocket('patch')(stage, served, ledger);
      slow.talk.socket.pause();
      await commitBulk(stage.random, served, ledger, good);
      slow.talk.socket.resume();
      await slow.reaches(ledger.version);
      check(slow.replica.taken < COMMITS, 'nothing was conflated');
      served.headwater.topic('board').set('after');
      await pause(0);
      for (const follower of [slow, good]) await follower.reaches(ledger.version);
    },

    async 'a reader that stops again and again is never told anything wrong'(stage) {
      const { random } = stage;
      const served = await serve(stage, CONFIG);
      const ledger = keepLedger(served.headwater, 'board');
      const slow = await Promise.all(
        (['patch', 'patch', 'value'] as const).map((mode) => followWebSocket(mode)(stage, served, ledger)),
      );
      const board = served.headwater.topic('board');
      for (let n = 1; n <= 60; n++) {
        const bulk = random.chance(0.5) ? 'x'.repeat(BULK) : 'y';
        board.set({ n, list: Array.from({ length: random.int(0, 30) }, () => random.int(0, 9)), bulk });
        for (const { talk } of slow)
          if (random.chance(0.3)) random.chance(0.5) ? talk.socket.pause() : talk.socket.resume();
        await pause(1);
      }
      for (const { talk } of slow) talk.socket.resume();
      for (const follower of slow) await follower.reaches(ledger.version);
    },

    async 'an event stream that stops reading ends with the exact value'(stage) {
      const served = await serve(stage, CONFIG);
      const ledger = keepLedger(served.headwater, 'board');
      const good = await followEventStream('patch')(stage, served, ledger);
      const replica = createReplica(ledger);
      const stream = await openEventStream(stage, `${served.url}/topics/board?mode=patch`, replica.accept);
      stream.response.pause();
      await commitBulk(stage.random, served, ledger, good);
      stream.response.resume();
      await until(() => replica.version === ledger.version, 'the stream holds the last version');
      check(replica.taken < COMMITS, 'nothing was conflated');
    },

    async 'lost events are told as a gap, never by silence'(stage) {
      const served = await serve(stage, CONFIG);
      const ledger = keepLedger(served.headwater, 'log', 'event');
      const slow = await followWebSocket('patch', { mayLose: true })(stage, served, ledger);
      const good = await followWebSocket('patch')(stage, served, ledger);
      slow.talk.socket.pause();
      const log = served.headwater.topic('log');
      for (let n = 1; n <= COMMITS; n++) {
        log.append({ n, bulk: 'x'.repeat(BULK) });
        await good.reaches(n);
      }
      slow.talk.socket.resume();
      await slow.reaches(COMMITS);
      check(slow.replica.lost > 0, 'nothing was lost, so that nothing was shown');
      same(slow.replica.lost + slow.replica.taken - gapsOf(slow), COMMITS, 'events and losses together');
    },

    async 'stopped readers do not hold up the good ones'(stage) {
      const served = await serve(stage, CONFIG);
      const ledger = keepLedger(served.headwater, 'board');
      const stopped = [];
      for (let n = 0; n < 8; n++) {
        const reader = await followWebSocket('patch')(stage, served, ledger);
        reader.talk.socket.pause();
        stopped.push(reader);
      }
      const good = await Promise.all(
        ['WebSocket, patches', 'event stream, patches', 'long-poll', 'SDK over WebSocket'].map((name) =>
          FOLLOW[name]!(stage, served, ledger),
        ),
      );
      const board = served.headwater.topic('board');
      for (let n = 1; n <= FEWER; n++) {
        board.set({ n, bulk: 'x'.repeat(BULK) });
        await pause(0);
        for (const follower of good) await follower.reaches(n);
      }
      for (const { talk } of stopped) talk.socket.resume();
      for (const follower of stopped) await follower.reaches(FEWER);
    },

    async 'a reader that never reads is dropped after the slow time-out, and frees its memory'(stage) {
      const served = await serve(stage, {
        ...CONFIG,
        limits: { outboxBytes: 50_000, slowTimeout: 1_000 },
        // Long enough that who lives is not taken for dead on a busy machine.
        heartbeat: 10_000,
      });
      const ledger = keepLedger(served.headwater, 'board');
      const good = await followWebSocket('patch')(stage, served, ledger);
      const raw = await openRaw(stage, served.port);
      await upgrade(raw);
      raw.pause();
      raw.write(frameOf(JSON.stringify({ type: 'subscribe', topic: 'board' })));
      await until(async () => (await served.metric('connections')) === 2, 'both are inside');
      await until(() => subscribersOf(served, 3), 'both are subscribed');
      await commitBulk(stage.random, served, ledger, good);
      await until(async () => (await served.metric('connections')) === 1, 'the slow reader is dropped');
      same(await served.metric('drops_total'), 1, 'the count of drops');
      good.verify();
    },
  },
};

/** Commits large values, each once the good reader has the one before. */
async function commitBulk(
  random: Random,
  { headwater }: Served,
  { topic }: Ledger,
  good: { reaches(version: number): Promise<void> },
): Promise<void> {
  const handle = headwater.topic(topic);
  for (let n = 1; n <= COMMITS; n++) {
    handle.set({ n, small: random.json(2), bulk: `${n}`.padEnd(BULK, 'x') });
    await pause(0);
    await good.reaches(handle.version);
  }
}

/** Each gap counts among what was taken, but brought nothing. */
function gapsOf({ talk }: { talk: { inbox: { all: readonly { type: string }[] } } }): number {
  return talk.inbox.all.filter(({ type }) => type === 'gap').length;
}

/** The ledger is a subscriber too. */
async function subscribersOf({ ask }: Served, wanted: number): Promise<boolean> {
  const [board] = (await (await ask('/topics')).json()) as { subscribers: number }[];
  return board?.subscribers === wanted;
}
