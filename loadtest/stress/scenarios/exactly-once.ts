import { check, same } from '../check.js';
import { FOLLOW, followWebSocket } from '../clients/follow.js';
import { openTalk } from '../clients/web-socket.js';
import { keepLedger } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { serve, TOKEN } from '../world/serve.js';

const TOPICS = [{ topic: 'board' }, { topic: 'log', kind: 'event' as const, history: { count: 2_000 } }];

/** What is published once has one version, and comes once. */
export const exactlyOnce: Theme = {
  policies: 'each',
  scenarios: {
    async 'events of many publishers come once each, in one order'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'log', 'event');
      const followers = await Promise.all(
        Object.values(FOLLOW).map((follow) => follow(stage, served, ledger)),
      );
      const acknowledged = new Map<number, string>();
      async function publish(publisher: number): Promise<void> {
        const chance = random.fork(`publisher ${publisher}`);
        const talk = await openTalk(stage, served.wsUrl, { headers: { authorization: `Bearer ${TOKEN}` } });
        for (let n = 0; n < 12; n++) {
          const event = `${publisher}/${n}`;
          let version: number;
          if (chance.chance(0.5)) {
            talk.say({ type: 'publish', id: n, topic: 'log', event });
            ({ version } = await talk.hear('published'));
          } else {
            const { status, body } = await served.send('POST', '/topics/log', event);
            same(status, 200, 'the status of a publication');
            version = body.version as number;
          }
          check(!acknowledged.has(version), `two events were told that they are version ${version}`);
          acknowledged.set(version, event);
        }
      }
      await Promise.all(Array.from({ length: 6 }, (_, publisher) => publish(publisher)));
      const { version } = served.headwater.topic('log');
      same(version, 6 * 12, 'the last version');
      for (const [version, event] of acknowledged) same(ledger.at(version), event, `event ${version}`);
      for (const follower of followers) await follower.reaches(version);
    },

    async 'a publication that was acknowledged is in the version it was told'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'board');
      const follower = await followWebSocket('patch')(stage, served, ledger);
      let told = 0;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        const chance = random.fork(`writer ${writer}`);
        for (let n = 0; n < 10; n++) {
          const value = { writer, n, pad: chance.text(20) };
          const { status, body, etag } = await served.send('PUT', '/topics/board', value);
          same(status, 200, 'the status of a publication');
          // A validator says that the version holds just that; without one somebody was faster within the flush.
          if (!etag?.endsWith(`:${body.version as number}`)) continue;
          told += 1;
          same(ledger.at(body.version as number), value, 'what the version holds');
        }
      });
      await Promise.all(writers);
      check(told > 0, 'no publication was told that a version holds just that');
      await follower.reaches(served.headwater.topic('board').version);
    },

    async 'publishing the same again makes no version'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'board');
      const follower = await followWebSocket('patch')(stage, served, ledger);
      let changes = 0;
      let last: number | undefined;
      for (let n = 0; n < 60; n++) {
        const value = random.int(0, 2);
        if (value !== last) changes += 1;
        last = value;
        const { body } = await served.send('PUT', '/topics/board', { value });
        same(body.version, changes, 'the version');
      }
      await follower.reaches(changes);
      same(follower.replica.taken, changes, 'what the client was told');
    },
  },
};
