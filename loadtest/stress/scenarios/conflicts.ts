import type { Json, JsonObject } from '../../../shared/json.js';
import { check, same } from '../check.js';
import { FOLLOW, followWebSocket } from '../clients/follow.js';
import { keepLedger } from '../ledger.js';
import type { Random } from '../random.js';
import type { Theme } from '../scenario.js';
import { serve } from '../world/serve.js';

const TOPICS = [{ topic: 'board' }];

/** Writers who meet do not overwrite what they have not seen. */
export const conflicts: Theme = {
  policies: 'each',
  scenarios: {
    async 'If-Match lets one of several writers through, so that no step of a counter is lost'(stage) {
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'board');
      const followers = await Promise.all(
        ['WebSocket, patches', 'long-poll'].map((name) => FOLLOW[name]!(stage, served, ledger)),
      );
      await served.send('PUT', '/topics/board', { count: 0 });
      let refused = 0;
      const step = async () => {
        for (;;) {
          const read = await served.ask('/topics/board');
          const { count } = (await read.json()) as { count: number };
          const headers = { 'if-match': read.headers.get('etag')! };
          const { status } = await served.send('PUT', '/topics/board', { count: count + 1 }, headers);
          if (status === 200) return;
          same(status, 412, 'the status of a writer who was late');
          refused += 1;
        }
      };
      await Promise.all(
        Array.from({ length: 5 }, async () => {
          for (let n = 0; n < 5; n++) await step();
        }),
      );
      same(served.headwater.topic('board').value, { count: 25 }, 'the count');
      check(refused > 0, 'the writers never met');
      for (const follower of followers) await follower.reaches(served.headwater.topic('board').version);
    },

    async 'If-None-Match creates a topic once'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: [{ topic: 'made/{name}' }] });
      for (let n = 0; n < 5; n++) {
        const topic = `/topics/made/${random.text(6)}${n}`;
        const statuses = await Promise.all(
          Array.from({ length: 6 }, async (_, writer) => {
            const { status } = await served.send('PUT', topic, { writer }, { 'if-none-match': '*' });
            return status;
          }),
        );
        same(statuses.toSorted(), [200, 412, 412, 412, 412, 412], 'the statuses of six creators');
      }
    },

    async 'merge patches lead to what RFC 7396 says'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'board');
      const followers = await Promise.all(
        ['WebSocket, patches', 'event stream, patches'].map((name) => FOLLOW[name]!(stage, served, ledger)),
      );
      let expected: Json = {};
      await served.send('PUT', '/topics/board', expected);
      for (let n = 0; n < 50; n++) {
        const patch = mergePatch(random, 3);
        expected = merged(expected, patch);
        const { status } = await served.send('PATCH', '/topics/board', patch, {
          'content-type': 'application/merge-patch+json',
        });
        same(status, 200, 'the status of a merge patch');
        same(served.headwater.topic('board').value, expected, 'the merged value');
      }
      for (const follower of followers) await follower.reaches(served.headwater.topic('board').version);
    },

    async 'a JSON patch that fails changes nothing'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const ledger = keepLedger(served.headwater, 'board');
      const follower = await followWebSocket('patch')(stage, served, ledger);
      const board = served.headwater.topic('board');
      await served.send('PUT', '/topics/board', { list: [], n: 0 });
      let n = 0;
      let length = 0;
      for (let turn = 0; turn < 50; turn++) {
        const before = board.version;
        const add = { op: 'add', path: '/list/-', value: random.json(1) };
        const bump = { op: 'replace', path: '/n', value: n + 1 };
        const failing = random.pick([
          { op: 'test', path: '/n', value: -1 },
          { op: 'remove', path: '/nobody' },
          { op: 'add', path: '/list/1000', value: 1 },
          { op: 'sing', path: '/n' },
          { op: 'replace', path: '/n/deeper', value: 1 },
        ]);
        const fails = random.chance(0.5);
        const patch = fails ? random.shuffle([add, bump, failing]) : [add, bump];
        const { status } = await served.send('PATCH', '/topics/board', patch, {
          'content-type': 'application/json-patch+json',
        });
        if (fails) {
          check(status >= 400 && status < 500, `a patch that fails was answered with ${status}`);
          same(board.version, before, 'the version after a patch that failed');
        } else {
          same(status, 200, 'the status of a patch');
          n += 1;
          length += 1;
        }
        const value = board.value as { n: number; list: Json[] };
        same([value.n, value.list.length], [n, length], 'what the patches made');
      }
      await follower.reaches(board.version);
    },
  },
};

function mergePatch(random: Random, depth: number): Json {
  const members = Array.from({ length: random.int(0, 3) }, (): [string, Json] => {
    const name = random.pick(['a', 'b', 'c', 'd']);
    if (random.chance(0.25)) return [name, null];
    return [name, depth > 0 && random.chance(0.6) ? mergePatch(random, depth - 1) : random.json(1)];
  });
  return Object.fromEntries(members);
}

/** The algorithm of RFC 7396, section 2, as it stands there. */
function merged(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: { [key: string]: Json } = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
