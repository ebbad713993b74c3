import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from '../../../shared/json.js';
import type { ServerMessage } from '../../../shared/messages.js';
import { check, pause, same, until } from '../check.js';
import { FOLLOW, followWebSocket } from '../clients/follow.js';
import { openTalk } from '../clients/web-socket.js';
import { createReplica, keepLedger } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { serveBoard } from '../world/board.js';
import { serve } from '../world/serve.js';

/** Much of one thing: topics, bytes, subscribers. */
export const size: Theme = {
  policies: 'each',
  scenarios: {
    async 'many topics, of which each client has a few'(stage) {
      const { random } = stage;
      const names = Array.from({ length: 300 }, (_, n) => `t/${n}`);
      const served = await serve(stage, { topics: [{ topic: 't/{n}' }], limits: { messagesPerSecond: 0 } });
      const ledgers = names.map((name) => keepLedger(served.headwater, name));
      const handles = names.map((name) => served.headwater.topic(name));
      for (const handle of handles) handle.set({ n: 0, pad: random.text(20) });
      await pause(0);
      const clients = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const chosen = random.shuffle(ledgers).slice(0, 40);
          const replicas = new Map(chosen.map((ledger) => [ledger.topic, createReplica(ledger)]));
          const wrong: unknown[] = [];
          const heard = (message: ServerMessage) => {
            try {
              if ('topic' in message && message.topic) replicas.get(message.topic)!.accept(message);
            } catch (error) {
              wrong.push(error);
            }
          };
          const talk = await openTalk(stage, served.wsUrl, { heard });
          for (const { topic } of chosen) talk.say({ type: 'subscribe', topic });
          return { replicas, wrong };
        }),
      );
      for (let flush = 1; flush <= 60; flush++) {
        for (let n = 0; n < 6; n++) random.pick(handles).set({ n: flush, pad: random.text(20) });
        await pause(0);
      }
      for (const { replicas, wrong } of clients) {
        for (const [name, replica] of replicas) {
          const { version } = served.headwater.topic(name);
          await until(
            () => wrong.length > 0 || replica.version === version,
            `${name} is at version ${version}`,
          );
        }
        same(wrong.map(String), [], 'what was wrong');
      }
    },

    async 'a large document changes a little at a time'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: [{ topic: 'board' }] });
      const rows: { [id: string]: Json } = {};
      for (let n = 0; n < 3_000; n++) rows[`row${n}`] = { n, name: random.text(30), price: random.next() };
      board.set(rows);
      await pause(0);
      const followers = await Promise.all(
        ['WebSocket, patches', 'event stream, patches', 'SDK over WebSocket'].map((name) =>
          FOLLOW[name]!(stage, served, ledger),
        ),
      );
      for (let n = 0; n < 8; n++) {
        const changed = { ...(board.value as typeof rows) };
        for (let row = 0; row < 30; row++) {
          const id = `row${random.int(0, 3_100)}`;
          if (random.chance(0.1)) delete changed[id];
          else changed[id] = { n, name: random.text(30), price: random.next() };
        }
        board.set(changed);
        await pause(2);
      }
      for (const follower of followers) await follower.reaches(board.version);
    },

    async 'a hundred subscribers of a fast topic'(stage) {
      const { random } = stage;
      const { served, ledger, board } = await serveBoard(stage, { topics: [{ topic: 'board' }] });
      const followers = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          followWebSocket(n % 10 === 0 ? 'value' : 'patch')(stage, served, ledger),
        ),
      );
      for (let n = 1; n <= 60; n++) {
        board.set({ n, text: random.text(30) });
        await pause(0);
      }
      for (const follower of followers) await follower.reaches(board.version);
    },
  },
};

/** A server below a path of an application's own. */
export const mount: Theme = {
  policies: 'one',
  scenarios: {
    async 'a mounted server serves below its prefix, and leaves the rest to the application'(stage) {
      const { random } = stage;
      const app = createServer((request, response) => response.end(`the application: ${request.url}`));
      app.listen(0, '127.0.0.1');
      await once(app, 'listening');
      stage.own(async () => {
        app.closeAllConnections();
        app.close();
        await once(app, 'close');
      });
      const served = await serve(stage, { topics: [{ topic: 'board' }] });
      served.headwater.mount(app, { prefix: '/live' });
      const url = `http://127.0.0.1:${(app.address() as AddressInfo).port}/live`;
      const mounted = { ...served, url, wsUrl: `${url.replace('http', 'ws')}/ws` };
      const ledger = keepLedger(served.headwater, 'board');
      const board = served.headwater.topic('board');
      const followers = await Promise.all([
        followWebSocket('patch')(stage, mounted, ledger),
        followWebSocket('patch')(stage, served, ledger),
        FOLLOW['event stream, patches']!(stage, mounted, ledger),
        FOLLOW['SDK over WebSocket']!(stage, mounted, ledger),
      ]);
      for (let n = 0; n < 40; n++) {
        board.set({ n, more: random.json(2) });
        if (random.chance(0.5)) await pause(0);
      }
      await pause(0);
      for (const follower of followers) await follower.reaches(board.version);
      const answer = await (await fetch(url.replace('/live', '/elsewhere'))).text();
      check(answer === 'the application: /elsewhere', `the application was answered for: ${answer}`);
    },
  },
};
