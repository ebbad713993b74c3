import { check, pause, same, until } from '../check.js';
import { openEventStream } from '../clients/event-stream.js';
import { FOLLOW, followSdkOverWebSocket, followWebSocket } from '../clients/follow.js';
import { openTalk } from '../clients/web-socket.js';
import { createReplica, keepLedger } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { serveBoard } from '../world/board.js';
import { changeDocument, makeDocument } from '../world/document.js';
import { startProxy } from '../world/proxy.js';
import { serve } from '../world/serve.js';

/** Versions that the history of `short` holds. */
const SHORT = 3;
const TOPICS = [
  { topic: 'board', history: { count: 1_000, bytes: 4_000_000 } },
  { topic: 'short', history: { count: SHORT } },
  { topic: 'log', kind: 'event' as const, history: { count: 1_000 } },
];

/** Who comes back with a cursor goes on where it stopped, without a hole or a duplicate. */
export const resume: Theme = {
  policies: 'each',
  scenarios: {
    async 'a WebSocket that is cut at any time goes on where it stopped'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      board.set(makeDocument(random));
      let follower = await followWebSocket('patch')(stage, served, ledger);
      let resumed = 0;
      for (let cut = 0; cut < 25; cut++) {
        for (let commits = random.int(0, 5); commits > 0; commits--) {
          board.set(changeDocument(random, board.value!));
          if (random.chance(0.7)) await pause(0);
        }
        if (random.chance(0.5)) await follower.reaches(board.version);
        await follower.leave();
        follower.verify();
        if (random.chance(0.5)) board.set(changeDocument(random, board.value!));
        const { replica } = follower;
        follower = await followWebSocket('patch')(stage, served, ledger, replica);
        const answer = follower.talk.inbox.all.find(({ type }) => type === 'subscribed');
        if (answer?.type === 'subscribed' && answer.resumed) resumed += 1;
      }
      await pause(0);
      await follower.reaches(board.version);
      check(resumed > 20, `only ${resumed} of 25 resumed`);
    },

    async 'an event stream goes on by its last event id'(stage) {
      const { random } = stage;
      const { url, headwater } = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(headwater, 'board');
      const board = headwater.topic('board');
      const replica = createReplica(ledger);
      board.set(makeDocument(random));
      let lastEventId: string | undefined;
      for (let cut = 0; cut < 20; cut++) {
        const stream = await openEventStream(
          stage,
          `${url}/topics/board?mode=patch`,
          replica.accept,
          lastEventId,
        );
        for (let commits = random.int(0, 5); commits > 0; commits--) {
          board.set(changeDocument(random, board.value!));
          if (random.chance(0.7)) await pause(0);
        }
        await pause(0);
        if (random.chance(0.5))
          await until(() => replica.version === board.version, 'the stream has caught up');
        await stream.cut();
        ({ lastEventId } = stream);
      }
      const last = await openEventStream(
        stage,
        `${url}/topics/board?mode=patch`,
        replica.accept,
        lastEventId,
      );
      await until(() => replica.version === board.version, 'the last stream has caught up');
      await last.cut();
    },

    async 'one last event id resumes a stream of several topics'(stage) {
      const { random } = stage;
      const { url, headwater } = await serve(stage, { topics: TOPICS });
      const replicas = [
        createReplica(keepLedger(headwater, 'board')),
        createReplica(keepLedger(headwater, 'log', 'event')),
      ];
      const board = headwater.topic('board');
      const log = headwater.topic('log', 'event');
      const hear: Parameters<typeof openEventStream>[2] = (message) => {
        for (const replica of replicas) replica.accept(message);
      };
      const caughtUp = () => replicas[0]!.version === board.version && replicas[1]!.version === log.version;
      let lastEventId: string | undefined;
      for (let cut = 0; cut < 15; cut++) {
        const stream = await openEventStream(
          stage,
          `${url}/sse?topic=board&topic=log&mode=patch`,
          hear,
          lastEventId,
        );
        for (let commits = random.int(1, 5); commits > 0; commits--) {
          if (random.chance(0.6)) board.set(changeDocument(random, board.value ?? {}));
          if (random.chance(0.6)) log.append(random.json(1));
          if (random.chance(0.6)) await pause(0);
        }
        await pause(0);
        await until(caughtUp, 'the stream has caught up');
        // The id that covers what came last follows it in a block of its own.
        await until(() => stream.lastEventId?.endsWith(`:${log.version}`) ?? false, 'the id has moved on');
        await stream.cut();
        ({ lastEventId } = stream);
        log.append('while nobody listened');
      }
    },

    async 'events resume, each once'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'log', 'event');
      const log = served.headwater.topic('log', 'event');
      let follower = await followWebSocket('patch')(stage, served, ledger);
      const { headers } = await served.ask('/topics/log');
      const epoch = headers.get('etag')!.replaceAll('"', '').split(':')[0];
      for (let cut = 0; cut < 20; cut++) {
        for (let events = random.int(0, 6); events > 0; events--) {
          log.append(random.json(1));
          if (random.chance(0.5)) await pause(0);
        }
        if (random.chance(0.5)) await follower.reaches(log.version);
        await follower.leave();
        follower.verify();
        const { version } = follower;
        follower = await followWebSocket('patch')(stage, served, ledger, {
          version,
          value: undefined,
          epoch,
        });
      }
      await pause(0);
      await follower.reaches(log.version);
    },

    async 'a cursor that history does not reach gets the value'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'short');
      const short = served.headwater.topic('short');
      short.set(makeDocument(random));
      for (let turn = 0; turn < 15; turn++) {
        const before = await followWebSocket('patch')(stage, served, ledger);
        await pause(0);
        await before.reaches(short.version);
        await before.leave();
        // Not every change makes a version: some change nothing, and some share a flush.
        const target = short.version + random.int(SHORT + 1, 12);
        while (short.version < target) {
          short.set(changeDocument(random, short.value!));
          await pause(0);
        }
        const after = await followWebSocket('patch')(stage, served, ledger, before.replica);
        await after.reaches(short.version);
        const types = after.talk.inbox.all.map(({ type }) => type);
        same(types, ['hello', 'subscribed', 'value'], 'what came after a cursor that history does not reach');
        await after.leave();
        after.verify();
      }
    },

    async 'a foreign or impossible cursor gets the value'(stage) {
      const { random } = stage;
      const { headwater, wsUrl } = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(headwater, 'board');
      const board = headwater.topic('board');
      for (let n = 0; n < 10; n++) {
        board.set({ n });
        await pause(0);
      }
      const talk = await openTalk(stage, wsUrl);
      for (let n = 0; n < 20; n++) {
        const since = { epoch: random.text(random.int(0, 12)), version: random.int(0, 1_000_000) };
        talk.say({ type: 'subscribe', id: n, topic: 'board', since });
        same((await talk.hear('subscribed')).resumed, false, 'whether that resumes');
        const value = await talk.hear('value');
        createReplica(ledger).accept(value);
        talk.say({ type: 'unsubscribe', topic: 'board' });
        await talk.hear('unsubscribed');
      }
    },

    async 'a storm of clients that come back together is caught up without an encoding each'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      board.set(makeDocument(random, 40));
      await pause(0);
      const before = await Promise.all(
        Array.from({ length: 80 }, () => followWebSocket('patch')(stage, served, ledger)),
      );
      for (const follower of before) await follower.reaches(board.version);
      await Promise.all(before.map((follower) => follower.leave()));
      board.set(changeDocument(random, board.value!));
      await pause(0);
      const encodings = await served.metric('encodings_total');
      const after = await Promise.all(
        before.map(({ replica }) => followWebSocket('patch')(stage, served, ledger, replica)),
      );
      for (const follower of after) await follower.reaches(board.version);
      const more = (await served.metric('encodings_total')) - encodings;
      check(more <= 3, `${after.length} clients that came back cost ${more} encodings`);
      board.set(changeDocument(random, board.value!));
      await pause(0);
      for (const follower of after) await follower.reaches(board.version);
    },

    async 'the SDK comes through a network that is cut'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const proxy = await startProxy(stage, served.port);
      const ledgers = [keepLedger(served.headwater, 'board'), keepLedger(served.headwater, 'short')];
      const handles = ledgers.map(({ topic }) => served.headwater.topic(topic));
      const followers = [];
      for (const ledger of ledgers) followers.push(await followSdkOverWebSocket(stage, proxy, ledger));
      for (let n = 0; n < 120; n++) {
        const handle = random.pick(handles);
        handle.set(changeDocument(random, handle.value ?? {}));
        if (random.chance(0.1)) proxy.cut();
        await pause(random.int(0, 3));
      }
      for (const [index, follower] of followers.entries()) await follower.reaches(handles[index]!.version);
    },

    async 'a chain of long-polls misses nothing, however late each link is'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      board.set(makeDocument(random));
      const followers = await Promise.all(
        Array.from({ length: 4 }, () => FOLLOW['long-poll']!(stage, served, ledger)),
      );
      for (let n = 0; n < 120; n++) {
        board.set(changeDocument(random, board.value!));
        if (random.chance(0.4)) await pause(random.int(0, 4));
      }
      await pause(0);
      for (const follower of followers) await follower.reaches(board.version);
    },
  },
};
