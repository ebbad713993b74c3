import { join } from 'node:path';
import { onReservedPort } from '../../../test/support/reserved-port.js';
import { check, pause, same, until } from '../check.js';
import { type Follower, followSdkOverWebSocket, followWebSocket } from '../clients/follow.js';
import { openRaw, UPGRADE } from '../clients/raw.js';
import { openTalk } from '../clients/web-socket.js';
import { keepLedger, type Ledger } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { serveBoard } from '../world/board.js';
import { changeDocument, makeDocument } from '../world/document.js';
import { makeFolder } from '../world/folder.js';
import { serve } from '../world/serve.js';

const TOPICS = [{ topic: 'board' }, { topic: 'log', kind: 'event' as const }];

/** Servers stop and start again: in order, under load, with and without their state. */
export const goingAway: Theme = {
  policies: 'each',
  scenarios: {
    async 'a server that drains under traffic delivers all that was committed'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      board.set(makeDocument(random));
      const followers = await Promise.all(
        Array.from({ length: 20 }, () => followWebSocket('patch')(stage, served, ledger)),
      );
      for (let n = 0; n < 40; n++) {
        board.set(changeDocument(random, board.value!));
        if (random.chance(0.5)) await pause(0);
      }
      const closing = served.headwater.close();
      await Promise.all(
        followers.map(async ({ talk }) => {
          const { reconnectAfter } = await talk.hear('drain');
          check(reconnectAfter >= 0 && reconnectAfter < 60_000, `come back after ${reconnectAfter} ms`);
          same((await talk.closed).code, 1012, 'the close code');
        }),
      );
      await closing;
      const { version } = board;
      for (const follower of followers) await follower.reaches(version);
      for (const follower of followers) same(follower.version, version, 'the last version of a client');
    },

    async 'closing in the midst of connections that are being made leaves nothing'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS, drainTimeout: 200 });
      served.headwater.topic('board').set(1);
      const attempts: Promise<unknown>[] = [];
      for (let n = 0; n < 30; n++) {
        const kind = random.int(0, 2);
        if (kind === 0) attempts.push(openTalk(stage, served.wsUrl).catch(() => undefined));
        else if (kind === 1) {
          const read = served.ask('/topics/board').then((answer) => answer.text());
          attempts.push(read.catch(() => undefined));
        } else {
          const half = openRaw(stage, served.port).then((raw) =>
            raw.write(UPGRADE.slice(0, random.int(1, 150))),
          );
          attempts.push(half.catch(() => undefined));
        }
        if (n === 15) await pause(random.int(0, 4));
      }
      const closings = Array.from({ length: random.int(1, 3) }, () => served.headwater.close());
      await Promise.all([...closings, ...attempts]);
      const late = await served.ask('/healthz').catch((error: Error) => error);
      check(late instanceof Error, 'a closed server answers');
    },

    async 'closing does not wait for fetches that hang, nor for clients that do not let go'(stage) {
      const served = await serve(stage, {
        drainTimeout: 150,
        topics: TOPICS,
        sources: [
          {
            topic: 'hangs',
            every: '1h',
            when: 'always',
            // Deaf to its signal as well.
            fetch: () => new Promise(() => {}),
          },
        ],
      });
      const waiting = served.ask('/topics/hangs').then(
        (answer) => answer.status,
        () => 0,
      );
      const raw = await openRaw(stage, served.port);
      raw.write(UPGRADE);
      await until(() => raw.bytesRead > 100 || raw.readableLength > 100, 'the upgrade is answered');
      raw.pause();
      await served.headwater.close();
      check((await waiting) !== 200, 'a fetch that hangs was answered');
    },

    async 'with a state folder, versions and cursors survive restarts'(stage) {
      const { random } = stage;
      const dir = join(await makeFolder(stage), 'state');
      let cursor: { epoch: string; version: number } | undefined;
      let value: unknown;
      for (let life = 0; life < 4; life++) {
        const served = await serve(stage, { topics: TOPICS, state: { dir } });
        const board = served.headwater.topic('board');
        const log = served.headwater.topic('log', 'event');
        if (cursor) {
          same([board.version, board.value], [cursor.version, value], 'what survived');
          same(log.version, life * 3, 'how many events survived');
          const talk = await openTalk(stage, served.wsUrl);
          talk.say({ type: 'subscribe', topic: 'board', since: cursor });
          const answer = await talk.hear('subscribed');
          same([answer.epoch, answer.resumed], [cursor.epoch, true], 'the answer to one who comes back');
        }
        for (let n = random.int(3, 12); n > 0; n--) {
          board.set(changeDocument(random, board.value ?? makeDocument(random)));
          if (random.chance(0.7)) await pause(0);
        }
        for (let n = 0; n < 3; n++) log.append({ life, n });
        await pause(0);
        const [epoch, version] = (await served.ask('/topics/board')).headers
          .get('etag')!
          .replaceAll('"', '')
          .split(':');
        cursor = { epoch: epoch!, version: Number(version) };
        value = board.value;
        await served.headwater.close();
      }
    },

    async 'without one, clients that come back get the new life of a topic'(stage) {
      const { random } = stage;
      const first = await serve(stage, { topics: TOPICS });
      first.headwater.topic('board').set({ life: 1 });
      await pause(0);
      const before = await followWebSocket('patch')(stage, first, keepLedger(first.headwater, 'board'));
      await before.talk.hear('value');
      const { epoch, version } = before.replica;
      await first.headwater.close();
      const second = await serve(stage, { topics: TOPICS });
      const board = second.headwater.topic('board');
      for (let n = 0; n < random.int(1, 5); n++) {
        board.set({ life: 2, n });
        await pause(0);
      }
      const talk = await openTalk(stage, second.wsUrl);
      talk.say({ type: 'subscribe', topic: 'board', since: { epoch: epoch!, version } });
      same((await talk.hear('subscribed')).resumed, false, 'whether an old cursor resumes');
      same((await talk.hear('value')).value, board.value, 'the value of the new life');
    },

    async 'the SDK waits through a server that goes away, and goes on with the next'(stage) {
      const { random } = stage;
      const config = { topics: TOPICS, state: { dir: join(await makeFolder(stage), 'state') } };
      const lives: Ledger[] = [];
      const ledger: Ledger = {
        topic: 'board',
        get version() {
          return lives.at(-1)!.version;
        },
        at: (version) => lives.findLast((life) => life.at(version) !== undefined)?.at(version),
      };
      const { port, started } = await onReservedPort((port) => serve(stage, { ...config, http: { port } }));
      let served = started;
      let follower: Follower | undefined;
      for (let life = 0; life < 4; life++) {
        if (life > 0) served = await serve(stage, { ...config, http: { port } });
        lives.push(keepLedger(served.headwater, 'board'));
        const board = served.headwater.topic('board');
        same(board.version, follower?.version ?? 0, 'the version that survived');
        follower ??= await followSdkOverWebSocket(stage, served, ledger);
        // Some before the client is back, some after.
        for (let n = random.int(2, 6); n > 0; n--) {
          board.set(changeDocument(random, board.value ?? makeDocument(random)));
          await pause(random.int(0, 5));
        }
        await follower.reaches(board.version);
        board.set({ life });
        await pause(0);
        await follower.reaches(board.version);
        await served.headwater.close();
      }
      follower!.verify();
    },
  },
};
