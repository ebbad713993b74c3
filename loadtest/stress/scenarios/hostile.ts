import { check, pause, same, until } from '../check.js';
import { followWebSocket } from '../clients/follow.js';
import { frameOf, openRaw, upgrade } from '../clients/raw.js';
import { openTalk } from '../clients/web-socket.js';
import { keepLedger } from '../ledger.js';
import type { Random } from '../random.js';
import type { Stage, Theme } from '../scenario.js';
import { type Served, serve, TOKEN } from '../world/serve.js';

const TOPICS = [{ topic: 'board' }, { topic: 'log', kind: 'event' as const }, { topic: 't/{n}' }];

/** Clients that break the rules are told so, or cut; others notice nothing. */
export const hostile: Theme = {
  policies: 'each',
  scenarios: {
    async 'malformed messages are answered, and close what repeats them'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const bystander = await watchBoard(stage, served);
      for (let client = 0; client < 6; client++) {
        const talk = await openTalk(stage, served.wsUrl);
        const bad = random.int(1, 9);
        for (let n = 0; n < bad; n++) talk.socket.send(malformed(random));
        for (let n = 0; n < bad; n++) {
          const { code } = await talk.hear('error');
          check(
            code === 'bad_request' || code === 'unknown_topic',
            `a malformed message was answered with ${code}`,
          );
        }
        talk.say({ type: 'ping', id: 'still there' });
        same((await talk.hear('pong')).id, 'still there', 'the answer to a ping');
        for (let n = 0; n < 20; n++) talk.socket.send('{"type":');
        same((await talk.closed).code, 1003, 'the close code');
      }
      await bystander();
    },

    async 'messages that are too large are refused, and close what repeats them'(stage) {
      const { random } = stage;
      const limit = 2_000;
      const served = await serve(stage, { topics: TOPICS, limits: { messageBytes: limit } });
      const bystander = await watchBoard(stage, served);
      const talk = await openTalk(stage, served.wsUrl);
      for (let n = 0; n < 5; n++) {
        const size = random.int(limit + 1, limit * 8);
        talk.socket.send(JSON.stringify({ type: 'ping', id: n, pad: 'x'.repeat(size) }));
        same((await talk.hear('error')).code, 'too_large', 'the answer');
      }
      talk.say({ type: 'ping' });
      await talk.hear('pong');
      const huge = await openTalk(stage, served.wsUrl);
      huge.socket.send('x'.repeat(limit * 100));
      const { code } = await huge.closed;
      check(code === 1009 || code === 1006, `a huge message closed with ${code}`);
      await bystander();
    },

    async 'frames that are no WebSocket end the connection, and nothing else'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const bystander = await watchBoard(stage, served);
      for (let n = 0; n < 25; n++) {
        const raw = await openRaw(stage, served.port);
        const ended = new Promise((resolve) => void raw.on('close', resolve).on('end', () => raw.end()));
        await upgrade(raw);
        raw.resume();
        const bad = random.pick([
          Buffer.from([0x83, 0x80, 1, 2, 3, 4]), // a reserved opcode
          Buffer.from([0xf1, 0x80, 1, 2, 3, 4]), // reserved bits
          Buffer.from([0x09, 0x80, 1, 2, 3, 4]), // a ping in pieces
          Buffer.from([0x80, 0x80, 1, 2, 3, 4]), // goes on with nothing
          frameOf(Buffer.from([0xff, 0xfe, 0xfd])), // no UTF-8
          frameOf(Buffer.from([0x00]), 0x88), // half a close code
        ]);
        raw.write(bad);
        await ended;
      }
      await bystander();
    },

    async 'bytes that are no HTTP end the connection, and nothing else'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const bystander = await watchBoard(stage, served);
      for (let n = 0; n < 30; n++) {
        const raw = await openRaw(stage, served.port);
        const ended = new Promise((resolve) => void raw.on('close', resolve).on('end', () => raw.end()));
        raw.resume();
        raw.write(Buffer.from(Array.from({ length: random.int(1, 400) }, () => random.int(0, 255))));
        // By themselves they might be the beginning of something: an empty line, or the end, says that it is all.
        if (random.chance(0.5)) raw.write('\r\n\r\n');
        else raw.end();
        await ended;
      }
      same((await served.ask('/healthz')).status, 200, 'the health of the server');
      await bystander();
    },

    async 'a flood of messages is held to its limit'(stage) {
      const served = await serve(stage, { topics: TOPICS, limits: { messagesPerSecond: 20 } });
      const bystander = await watchBoard(stage, served);
      const talk = await openTalk(stage, served.wsUrl);
      for (let n = 0; n < 200; n++) talk.say({ type: 'ping', id: n });
      same((await talk.closed).code, 1008, 'the close code of a flood');
      const pongs = talk.inbox.all.filter(({ type }) => type === 'pong').length;
      check(pongs >= 20 && pongs < 60, `${pongs} of 200 messages were answered`);
      await bystander();
    },

    async 'one subscription too many is refused, and the others hold'(stage) {
      const { random } = stage;
      const most = random.int(2, 6);
      const served = await serve(stage, { topics: TOPICS, limits: { subscriptionsPerConnection: most } });
      const talk = await openTalk(stage, served.wsUrl);
      for (let n = 0; n < most; n++) {
        talk.say({ type: 'subscribe', topic: `t/${n}` });
        await talk.hear('subscribed');
      }
      for (let n = 0; n < 5; n++) {
        talk.say({ type: 'subscribe', id: n, topic: `t/more${n}` });
        same((await talk.hear('error')).code, 'limit', 'the answer to one too many');
      }
      for (let n = 0; n < most; n++) {
        served.headwater.topic(`t/${n}`).set(n);
        same((await talk.hear('value')).value, n, 'what comes of the others');
      }
      talk.say({ type: 'unsubscribe', topic: 't/0' });
      await talk.hear('unsubscribed');
      talk.say({ type: 'subscribe', topic: 't/late' });
      same((await talk.hear('subscribed')).topic, 't/late', 'what takes the place');
    },

    async 'connections beyond the limit are refused until one leaves'(stage) {
      const served = await serve(stage, { topics: TOPICS, limits: { connections: 4 } });
      const inside = [];
      for (let n = 0; n < 4; n++) inside.push(await openTalk(stage, served.wsUrl));
      for (let n = 0; n < 5; n++) {
        const refused = await openTalk(stage, served.wsUrl).catch((error: Error) => error);
        check(refused instanceof Error, 'one connection too many was let in');
      }
      const stream = await served.ask('/topics/board', { headers: { accept: 'text/event-stream' } });
      check(stream.status >= 400, `a stream too many was answered with ${stream.status}`);
      await stream.text();
      inside[0]!.socket.terminate();
      await until(async () => (await served.metric('connections')) === 3, 'one has left');
      const late = await openTalk(stage, served.wsUrl);
      await late.hear('hello');
    },

    async 'publications that are not allowed change nothing'(stage) {
      const { random } = stage;
      const served = await serve(stage, {
        topics: TOPICS,
        sources: [{ topic: 'fed', every: '1h', fetch: () => 1 }],
      });
      const board = served.headwater.topic('board');
      board.set('as it was');
      await pause(0);
      const tries: [string, string, string | undefined, Record<string, string>, number[]][] = [
        ['PUT', '/topics/board', '1', { authorization: 'Bearer wrong' }, [401]],
        ['PUT', '/topics/nobody', '1', {}, [404]],
        ['PUT', '/topics/fed', '1', {}, [403]],
        ['PUT', '/topics/board', '{"a":', {}, [400]],
        ['PUT', '/topics/board', '1', { 'content-type': 'text/plain' }, [415]],
        ['PUT', '/topics/board', `${'['.repeat(400)}${']'.repeat(400)}`, {}, [400, 413]],
        ['PUT', '/topics/board', `"${'x'.repeat(1_100_000)}"`, {}, [413]],
        ['POST', '/topics/board', '1', {}, [400]],
        ['PUT', '/topics/log', '1', {}, [400]],
        ['PUT', '/topics/..%2f..%2fetc', '1', {}, [400, 404]],
      ];
      for (const [method, path, body, headers, statuses] of random.shuffle([...tries, ...tries])) {
        const answer = await served
          .ask(path, { method, body, headers: { 'content-type': 'application/json', ...headers } })
          .catch((error: Error) => error);
        // What is too large may be cut in the middle of sending it.
        if (answer instanceof Error) {
          check(statuses.includes(413), `${method} ${path} was cut: ${answer.message}`);
          continue;
        }
        await answer.text();
        check(statuses.includes(answer.status), `${method} ${path} was answered with ${answer.status}`);
      }
      same([board.value, board.version], ['as it was', 1], 'the topic');
    },

    async 'a token can be renewed, and a wrong one takes no right away'(stage) {
      const { random } = stage;
      const served = await serve(stage, { topics: TOPICS });
      const talk = await openTalk(stage, served.wsUrl);
      let allowed = false;
      let wrong = 0;
      for (let n = 0; n < 40; n++) {
        if (random.chance(0.3)) {
          // Ten wrong ones in a row would close the connection.
          const right = wrong >= 7 || random.chance(0.6);
          talk.say({ type: 'auth', id: n, token: right ? TOKEN : random.text(8) });
          if (right) await talk.hear('authenticated');
          else same((await talk.hear('error')).code, 'unauthorized', 'the answer to a wrong token');
          allowed ||= right;
          if (!right) wrong += 1;
        }
        talk.say({ type: 'publish', id: n, topic: 'board', value: n });
        if (allowed) same((await talk.hear('published')).id, n, 'the answer to a publication');
        else same((await talk.hear('error')).code, 'unauthorized', 'the answer to a publication');
      }
      check(!allowed || served.headwater.topic('board').value === 39, 'the last publication is not there');
    },
  },
};

/** Watches a topic that goes on changing: the function returned sees to it that all of it arrived. */
async function watchBoard(stage: Stage, served: Served): Promise<() => Promise<void>> {
  const ledger = keepLedger(served.headwater, 'board');
  const follower = await followWebSocket('patch')(stage, served, ledger);
  const board = served.headwater.topic('board');
  let n = 0;
  const ticking = setInterval(() => board.set({ n: ++n }), 5);
  stage.own(() => clearInterval(ticking));
  return async () => {
    // A short scenario may be over before the first tick.
    while (board.version <= 1) await pause(1);
    clearInterval(ticking);
    board.set({ n: 'the end' });
    await pause(0);
    await follower.reaches(board.version);
  };
}

function malformed(random: Random): string | Buffer {
  return random.pick<() => string | Buffer>([
    () => random.text(random.int(0, 40)),
    () => JSON.stringify(random.json(3)),
    () => Buffer.from(random.text(10)),
    () => '{"type":"subscribe"}',
    () => '{"type":"subscribe","topic":7}',
    () => '{"type":"subscribe","topic":"board","mode":"loud"}',
    () => '{"type":"subscribe","topic":"board","since":{"epoch":1}}',
    () => '{"type":"publish","topic":"board","value":1,"event":1}',
    () => JSON.stringify({ type: random.text(5), topic: 'board' }),
    () => JSON.stringify({ type: 'subscribe', topic: `${random.text(3)}//` }),
    () => JSON.stringify({ type: 'subscribe', topic: 'x'.repeat(300) }),
  ])();
}
