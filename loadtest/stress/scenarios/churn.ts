import type { ClientMessage } from '../../../shared/messages.js';
import { check, pause, same, until } from '../check.js';
import { openEventStream } from '../clients/event-stream.js';
import { followWebSocket } from '../clients/follow.js';
import { frameOf, openRaw, UPGRADE } from '../clients/raw.js';
import { openTalk } from '../clients/web-socket.js';
import { createReplica, keepLedger, type Replica } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { serveBoard } from '../world/board.js';
import { type Served, serve } from '../world/serve.js';

const TOPICS = [{ topic: 'board' }, { topic: 't/{n}' }];

/** Clients come and go at the worst of times; nobody else notices, and nothing of them stays. */
export const churn: Theme = {
  policies: 'each',
  scenarios: {
    async 'a client that dies while it subscribes leaves nothing'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'board');
      const good = await followWebSocket('patch')(stage, served, ledger);
      const board = served.headwater.topic('board');
      for (let n = 0; n < 50; n++) {
        const raw = await openRaw(stage, served.port);
        raw.write(UPGRADE);
        const subscribe = frameOf(
          JSON.stringify({ type: 'subscribe', topic: random.pick(['board', 't/1']) }),
        );
        raw.write(random.chance(0.3) ? subscribe.subarray(0, random.int(1, subscribe.length)) : subscribe);
        if (random.chance(0.5)) await pause(random.int(0, 2));
        board.set({ n });
        if (random.chance(0.5)) raw.resetAndDestroy();
        else raw.destroy();
      }
      await nobodyBut(served, { connections: 1, subscribers: 2 });
      await good.reaches(board.version);
    },

    async 'subscribing and unsubscribing race, and each answer holds'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS, limits: { messagesPerSecond: 0 } });
      const names = Array.from({ length: 6 }, (_, n) => `t/${n}`);
      const ledgers = new Map(names.map((name) => [name, keepLedger(served.headwater, name)]));
      const handles = names.map((name) => served.headwater.topic(name));
      for (const handle of handles) handle.set({ n: 0 });
      await pause(0);
      /** What the client holds of the topics it is subscribed to, as far as it was told. */
      const replicas = new Map<string, Replica>();
      const wrong: string[] = [];
      const talk = await openTalk(stage, served.wsUrl, {
        heard(message) {
          if (message.type === 'subscribed')
            replicas.set(message.topic, createReplica(ledgers.get(message.topic)!));
          else if (message.type === 'unsubscribed') replicas.delete(message.topic);
          else if (message.type === 'value' || message.type === 'patch') {
            const replica = replicas.get(message.topic);
            try {
              check(replica !== undefined, `news of ${message.topic}, which is not subscribed to`);
              replica.accept(message);
            } catch (error) {
              wrong.push(String(error));
            }
          }
        },
      });
      const wanted = new Set<string>();
      let answers = 0;
      for (let n = 1; n <= 300; n++) {
        const topic = random.pick(names);
        const message: ClientMessage = {
          type: wanted.has(topic) ? 'unsubscribe' : 'subscribe',
          id: n,
          topic,
        };
        if (!wanted.delete(topic)) wanted.add(topic);
        talk.say(message);
        answers += 1;
        if (random.chance(0.5)) random.pick(handles).set({ n });
        if (random.chance(0.3)) await pause(0);
      }
      const isAnswer = ({ type }: { type: string }) => type === 'subscribed' || type === 'unsubscribed';
      await until(() => talk.inbox.all.filter(isAnswer).length === answers, 'every request is answered');
      for (const handle of handles) handle.set('the end');
      await until(
        () => [...wanted].every((name) => replicas.get(name)?.value === 'the end'),
        'all that is subscribed to has ended',
      );
      same(wrong, [], 'what was wrong');
      same([...replicas.keys()].toSorted(), [...wanted].toSorted(), 'what is subscribed to');
    },

    async 'subscribing twice takes the place of the first'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: TOPICS });
      board.set({ n: 0 });
      await pause(0);
      let replica = createReplica(ledger);
      const wrong: unknown[] = [];
      const talk = await openTalk(stage, served.wsUrl, {
        heard(message) {
          if (message.type === 'subscribed') replica = createReplica(ledger);
          try {
            replica.accept(message);
          } catch (error) {
            wrong.push(error);
          }
        },
      });
      for (let n = 1; n <= 40; n++) {
        talk.say({ type: 'subscribe', topic: 'board', mode: random.pick(['patch', 'value'] as const) });
        board.set({ n, pad: random.text(100) });
        if (random.chance(0.5)) await pause(0);
      }
      talk.say({ type: 'ping' });
      await talk.hear('pong');
      await until(() => replica.version === board.version || wrong.length > 0, 'the client has caught up');
      same(wrong.map(String), [], 'what was wrong');
      await nobodyBut(served, { connections: 1, subscribers: 2 });
    },

    async 'event streams that are given up leave nothing'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const board = served.headwater.topic('board');
      board.set({ n: 0 });
      for (let n = 0; n < 30; n++) {
        const opening = openEventStream(stage, `${served.url}/sse?topic=board&topic=t/${n % 3}`, () => {});
        if (random.chance(0.5)) board.set({ n });
        const stream = await opening;
        if (random.chance(0.5)) await pause(random.int(0, 2));
        await stream.cut();
      }
      await nobodyBut(served, { connections: 0, subscribers: 0 });
    },

    async 'long-polls that are given up leave nothing'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const board = served.headwater.topic('board');
      board.set({ n: 0 });
      await pause(0);
      for (let n = 0; n < 30; n++) {
        const gone = new AbortController();
        const cursor = (await served.ask('/topics/board')).headers.get('etag')!;
        const waiting = served.ask('/topics/board', {
          headers: { 'if-none-match': cursor, prefer: 'wait=20' },
          signal: gone.signal,
        });
        const ended = waiting.then(
          async (answer) => void (await answer.text()),
          () => {},
        );
        if (random.chance(0.5)) await pause(random.int(0, 3));
        if (random.chance(0.3)) board.set({ n: n + 1 });
        gone.abort();
        await ended;
      }
      await nobodyBut(served, { connections: 0, subscribers: 0 });
    },

    async 'half a handshake ends with its socket'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const heads = [
        UPGRADE,
        'GET /topics/board HTTP/1.1\r\nhost: x\r\n\r\n',
        'PUT /topics/board HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a":',
      ];
      for (let n = 0; n < 60; n++) {
        const raw = await openRaw(stage, served.port);
        const head = random.pick(heads);
        raw.write(head.slice(0, random.int(1, head.length)));
        if (random.chance(0.5)) await pause(random.int(0, 2));
        if (random.chance(0.5)) raw.end();
        else raw.resetAndDestroy();
      }
      await until(async () => (await served.metric('connections')) === 0, 'nobody is inside');
      same((await served.ask('/healthz')).status, 200, 'the health of the server');
    },

    async 'subscribers in this process come and go while it commits'(stage) {
      const { random } = stage;
      const { headwater } = await serve(stage, { topics: TOPICS });
      const board = headwater.topic('board');
      const ledger = keepLedger(headwater, 'board');
      const active = new Set<{ stop: () => void; last: number }>();
      let told = 0;
      for (let n = 0; n < 300; n++) {
        if (random.chance(0.5)) {
          const one = { stop: () => {}, last: 0 };
          one.stop = board.subscribe(({ version, value }) => {
            check(active.has(one) || one.last === 0, 'a subscriber was told after it left');
            check(version > one.last, `a subscriber went from ${one.last} to ${version}`);
            same(value, ledger.at(version), 'what a subscriber was told');
            one.last = version;
            told += 1;
          });
          active.add(one);
        }
        if (active.size > 0 && random.chance(0.4)) {
          const one = random.pick([...active]);
          one.stop();
          active.delete(one);
        }
        board.set(random.json(2));
        if (random.chance(0.5)) await pause(0);
      }
      check(told > 300, 'hardly anybody was told anything');
      for (const { stop } of active) stop();
    },
  },
};

/** Waits until no more than that is left: connections, and subscribers of the first topic. */
async function nobodyBut(
  { ask, metric }: Served,
  wanted: { connections: number; subscribers: number },
): Promise<void> {
  await until(
    async () => {
      const [board] = (await (await ask('/topics')).json()) as { subscribers: number }[];
      const connections = await metric('connections');
      return connections === wanted.connections && board?.subscribers === wanted.subscribers;
    },
    `there is nobody but ${JSON.stringify(wanted)}`,
  );
}
