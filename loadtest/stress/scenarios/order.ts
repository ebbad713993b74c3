import { check, pause, same } from '../check.js';
import { FOLLOW, followWebSocket } from '../clients/follow.js';
import { openTalk } from '../clients/web-socket.js';
import { createReplica, keepLedger } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { serveBoard } from '../world/board.js';
import { changeDocument, makeDocument } from '../world/document.js';
import { serve } from '../world/serve.js';

const TOPICS = [{ topic: 'board' }, { topic: 'other' }, { topic: 'third' }];

/** Versions of a topic reach every client in order, and lead to what the store holds. */
export const order: Theme = {
  policies: 'each',
  scenarios: {
    async 'every transport follows random changes'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      board.set(makeDocument(random));
      const followers = [];
      for (const follow of Object.values(FOLLOW)) followers.push(await follow(stage, served, ledger));
      for (let commit = 0; commit < 80; commit++) {
        board.set(changeDocument(random, board.value!));
        if (random.chance(0.5)) await pause(0);
      }
      await pause(0);
      for (const follower of followers) await follower.reaches(board.version);
    },

    async 'clients that join at any time see the same history'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      const joining = [];
      for (let commit = 0; commit < 120; commit++) {
        board.set(changeDocument(random, board.value ?? {}));
        if (random.chance(0.25)) {
          const mode = random.pick(['patch', 'value'] as const);
          joining.push(followWebSocket(mode)(stage, served, ledger));
        }
        if (random.chance(0.5)) await pause(0);
      }
      const followers = await Promise.all(joining);
      for (const follower of followers) await follower.reaches(board.version);
    },

    async 'whole values of any kind replace one another'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      const followers = await Promise.all(
        (['patch', 'value'] as const).map((mode) => followWebSocket(mode)(stage, served, ledger)),
      );
      for (let commit = 0; commit < 150; commit++) {
        board.set(random.json(4));
        if (random.chance(0.7)) await pause(0);
      }
      await pause(0);
      for (const follower of followers) await follower.reaches(board.version);
    },

    async 'several topics share a connection, and do not mix'(stage) {
      const { random } = stage;
      const { headwater, wsUrl } = await serve(stage, { topics: TOPICS });
      const replicas = TOPICS.map(({ topic }) => createReplica(keepLedger(headwater, topic)));
      const talk = await openTalk(stage, wsUrl);
      for (const { topic } of TOPICS) {
        talk.say({ type: 'subscribe', topic, mode: random.pick(['patch', 'value'] as const) });
        await talk.hear('subscribed');
      }
      const handles = TOPICS.map(({ topic }) => headwater.topic(topic));
      for (let commit = 0; commit < 200; commit++) {
        const handle = random.pick(handles);
        handle.set(changeDocument(random, handle.value ?? {}));
        if (random.chance(0.4)) await pause(0);
      }
      talk.say({ type: 'ping' });
      await talk.hear('pong');
      for (const [index, replica] of replicas.entries()) {
        for (const message of talk.inbox.all) replica.accept(message);
        same(replica.version, handles[index]!.version, 'the version that the client ends with');
      }
    },

    async 'a flush interval gathers commits, and loses none'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS, flush: random.int(3, 12) });
      const followers = await Promise.all(
        ['WebSocket, patches', 'event stream, patches'].map((name) => FOLLOW[name]!(stage, served, ledger)),
      );
      const commits = 200;
      for (let commit = 1; commit <= commits; commit++) {
        board.set({ ...(board.value as object), [random.text(1)]: commit });
        if (random.chance(0.1)) await pause(random.int(0, 8));
      }
      const { version } = await served
        .send('PUT', '/topics/board', { last: true })
        .then(({ body }) => body as { version: number });
      check(version < commits / 2, `${commits} commits made ${version} versions: nothing was gathered`);
      for (const follower of followers) await follower.reaches(version);
      same(ledger.at(version), { last: true }, 'the last value');
    },
  },
};
