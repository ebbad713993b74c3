import type { ConfigInput } from '../../../server/config/schema.js';
import { check, pause, same, until } from '../check.js';
import { FOLLOW, followWebSocket } from '../clients/follow.js';
import { keepLedger } from '../ledger.js';
import type { Random } from '../random.js';
import type { Theme } from '../scenario.js';
import { type Served, serve } from '../world/serve.js';
import { type Answer, FAULTS, faultsBy, good, held, startUpstream } from '../world/upstream.js';

type Sources = NonNullable<ConfigInput['sources']>;

/** How long an upstream that hangs is waited for, in ms: far longer than one that answers takes on a busy machine. */
const TIMEOUT = 3_000;

/** Fetches now; `true` where that went well. */
async function refresh({ send, ask }: Served, topic: string): Promise<boolean> {
  await send('POST', `/refresh/${topic}`, {});
  const listed = (await (await ask('/topics')).json()) as { topic: string; stale: boolean }[];
  return listed.find((entry) => entry.topic === topic)?.stale === false;
}

/** Upstreams fail in every way; topics stay right, and say when they are stale. */
export const sources: Theme = {
  policies: 'one',
  scenarios: {
    async 'a source that flaps tells each turn once, and keeps the last good value'(stage) {
      const { random } = stage;
      const upstream = await startUpstream(stage, good({ n: 0 }));
      const served = await serve(stage, {
        sources: [
          { topic: 'q', every: '1h', fetch: { url: `${upstream.url}/q`, timeout: TIMEOUT, retries: 0 } },
        ],
      });
      const ledger = keepLedger(served.headwater, 'q');
      const followers = await Promise.all(
        ['WebSocket, patches', 'event stream, patches', 'SDK over WebSocket'].map((name) =>
          FOLLOW[name]!(stage, served, ledger),
        ),
      );
      const told = await followWebSocket('patch')(stage, served, ledger);
      await told.reaches(1);
      const fault = faultsBy(random);
      let turns = 0;
      let failing = false;
      let inARow = 0;
      for (let n = 1; n <= 20; n++) {
        // Five in a row would open the circuit of the host, for seconds.
        const fails = inARow < 4 && random.chance(0.5);
        inARow = fails ? inARow + 1 : 0;
        const { what, answer } = fails ? fault() : { what: 'answers', answer: good({ n }) };
        upstream.answer = answer;
        same(await refresh(served, 'q'), !fails, `whether the topic is fresh after an upstream that ${what}`);
        if (fails !== failing) turns += 1;
        failing = fails;
        const value = served.headwater.topic('q').value as { n: number };
        if (!fails) same(value.n, n, 'the value');
      }
      upstream.answer = good('the end');
      await refresh(served, 'q');
      if (failing) turns += 1;
      for (const follower of [...followers, told]) await follower.reaches(ledger.version);
      await until(() => told.replica.turns.length === turns, `the client was told of ${turns} turns`);
    },

    async 'a race is won by a good answer, whatever the others do'(stage) {
      const { random } = stage;
      const upstreams = await Promise.all([0, 1, 2].map(() => startUpstream(stage, good(0))));
      const urls = upstreams.map(({ url }) => `${url}/q`);
      const served = await serve(stage, {
        sources: [raceOf(urls, {}), { ...raceOf(urls, { hedge: 10 }), topic: 'hedged' }],
      });
      for (let n = 1; n <= 12; n++) {
        const lucky = random.int(0, 2);
        for (const [index, upstream] of upstreams.entries())
          upstream.answer = index === lucky ? good({ n }) : mood(random, n);
        for (const topic of ['race', 'hedged']) {
          same(await refresh(served, topic), true, `whether ${topic} is fresh`);
          same(served.headwater.topic(topic).value, { n }, `the value of ${topic}`);
        }
      }
    },

    async 'a fallback takes the first that answers well'(stage) {
      const { random } = stage;
      const upstreams = await Promise.all([0, 1, 2].map(() => startUpstream(stage, good(0))));
      const served = await serve(stage, {
        sources: [
          {
            topic: 'q',
            every: '1h',
            fetch: {
              strategy: 'fallback',
              urls: upstreams.map(({ url }) => url),
              timeout: TIMEOUT,
              retries: 0,
            },
          },
        ],
      });
      const fault = faultsBy(random);
      const rows = [0, 0, 0];
      for (let n = 1; n <= 15; n++) {
        const failing = upstreams.map((_, index) => rows[index]! < 4 && random.chance(0.5));
        for (const [index, upstream] of upstreams.entries()) {
          rows[index] = failing[index] ? rows[index]! + 1 : 0;
          upstream.answer = failing[index] ? fault().answer : good({ n, index });
        }
        const first = failing.indexOf(false);
        same(await refresh(served, 'q'), first >= 0, 'whether the topic is fresh');
        if (first >= 0) same(served.headwater.topic('q').value, { n, index: first }, 'the value');
      }
    },

    async 'a quorum takes what enough of them say, and nothing else'(stage) {
      const { random } = stage;
      const upstreams = await Promise.all([0, 1, 2].map(() => startUpstream(stage, good(0))));
      const served = await serve(stage, {
        sources: [
          {
            topic: 'q',
            every: '1h',
            fetch: {
              strategy: 'quorum',
              need: 2,
              ignore: ['/at'],
              urls: upstreams.map(({ url }) => url),
              timeout: 10 * TIMEOUT,
              retries: 0,
            },
          },
        ],
      });
      let last: unknown;
      for (let n = 1; n <= 20; n++) {
        const said = upstreams.map(() => random.int(0, 2));
        for (const [index, upstream] of upstreams.entries())
          upstream.answer = good({ n, said: said[index]!, at: random.next() });
        const agreed = said.find((one, index) => said.indexOf(one) !== index);
        same(await refresh(served, 'q'), agreed !== undefined, `whether ${said} is fresh`);
        const value = served.headwater.topic('q').value as { said: number; n: number } | undefined;
        if (agreed !== undefined) same([value?.n, value?.said], [n, agreed], 'the value');
        else same(value, last, 'the value that stays');
        last = value;
      }
    },

    async 'gathering takes all or nothing'(stage) {
      const { random } = stage;
      const names = ['eu', 'us', 'asia'];
      const upstreams = await Promise.all(names.map(() => startUpstream(stage, good(0))));
      const urls = Object.fromEntries(names.map((name, index) => [name, upstreams[index]!.url]));
      const served = await serve(stage, {
        sources: [
          { topic: 'all', every: '1h', fetch: { strategy: 'all', urls, timeout: TIMEOUT, retries: 0 } },
        ],
      });
      const fault = faultsBy(random);
      let last: unknown;
      let inARow = 0;
      for (let n = 1; n <= 15; n++) {
        const failing = inARow < 3 && random.chance(0.4) ? random.int(0, 2) : -1;
        inARow = failing >= 0 ? inARow + 1 : 0;
        for (const [index, upstream] of upstreams.entries())
          upstream.answer = index === failing ? fault().answer : good([n, index]);
        same(await refresh(served, 'all'), failing < 0, 'whether the topic is fresh');
        const { value } = served.headwater.topic('all');
        if (failing < 0) same(value, { eu: [n, 0], us: [n, 1], asia: [n, 2] }, 'the value');
        else same(value, last, 'the value that stays');
        last = value;
      }
    },

    async 'a crowd that reads a sleeping topic costs one fetch'(stage) {
      const { random } = stage;
      const upstream = await startUpstream(stage, good(0));
      const served = await serve(stage, { sources: [{ topic: 'q', every: '1h', fetch: upstream.url }] });
      for (let crowd = 1; crowd <= 4; crowd++) {
        const before = upstream.asked;
        const answers = held(good({ crowd }));
        upstream.answer = answers.answer;
        const reading = Promise.all(
          Array.from({ length: random.int(5, 20) }, async () => {
            const answer = await served.ask('/topics/q', { headers: { 'cache-control': 'no-cache' } });
            return answer.json();
          }),
        );
        await hasRead(served);
        answers.release();
        const reads = await reading;
        const [first] = reads;
        for (const read of reads) same(read, first, 'what one of the crowd read');
        check(upstream.asked - before <= 2, `a crowd made ${upstream.asked - before} requests`);
      }
    },

    async 'refreshes that come together are one fetch'(stage) {
      const answers = held(good(1));
      const upstream = await startUpstream(stage, answers.answer);
      const served = await serve(stage, { sources: [{ topic: 'q', every: '1h', fetch: upstream.url }] });
      const refreshing = Promise.all(Array.from({ length: 25 }, () => served.send('POST', '/refresh/q', {})));
      await hasRead(served);
      answers.release();
      await refreshing;
      check(upstream.asked <= 3, `25 refreshes made ${upstream.asked} requests`);
    },

    async 'sources of one host keep to its concurrency'(stage) {
      const { random } = stage;
      const most = random.int(1, 3);
      let open = 0;
      let seen = 0;
      const upstream = await startUpstream(stage, (request, response) => {
        seen = Math.max(seen, ++open);
        // As many as may be are open at some time, however slowly they come.
        void until(() => seen >= most, 'as many are asked as may be').then(async () => {
          await pause(random.int(1, 8));
          open -= 1;
          good(request.url!)(request, response);
        });
      });
      const names = Array.from({ length: 20 }, (_, n) => `t/${n}`);
      const served = await serve(stage, {
        hosts: { [upstream.host]: { concurrency: most } },
        sources: names.map((topic): Sources[number] => ({
          topic,
          every: '1h',
          when: 'always',
          fetch: `${upstream.url}/${topic}`,
        })),
      });
      for (const name of names) {
        await until(() => served.headwater.topic(name).value === `/${name}`, `${name} has its value`);
      }
      same(seen, most, 'how many requests there were at a time');
    },

    async 'a budget that is used up asks no more'(stage) {
      const { random } = stage;
      const budget = random.int(2, 6);
      const upstream = await startUpstream(stage, good(1));
      const served = await serve(stage, {
        hosts: { [upstream.host]: { budget: `${budget}/day` } },
        sources: ['a', 'b', 'c'].map((topic) => ({ topic, every: '1h', fetch: upstream.url })),
      });
      for (let n = 0; n < 12; n++) await refresh(served, random.pick(['a', 'b', 'c']));
      same(upstream.asked, budget, 'how often the host was asked');
    },

    async 'a host that only fails is left alone'(stage) {
      const { random } = stage;
      const upstream = await startUpstream(stage, FAULTS['answers 500']!);
      const served = await serve(stage, {
        sources: ['a', 'b'].map((topic) => ({
          topic,
          every: '1h',
          fetch: { url: upstream.url, retries: 0 },
        })),
      });
      for (let n = 0; n < 30; n++)
        same(await refresh(served, random.pick(['a', 'b'])), false, 'whether it is fresh');
      check(upstream.asked >= 5 && upstream.asked <= 8, `a sick host was asked ${upstream.asked} times`);
    },

    async 'functions that throw, hang or give no JSON make the topic stale, and no more'(stage) {
      const { random } = stage;
      let next: () => unknown = () => 0;
      let given = 0;
      const served = await serve(stage, {
        sources: [
          { topic: 'q', every: '1h', fetch: () => next() },
          {
            topic: 'hangs',
            every: 10,
            when: 'always',
            fetch: ({ signal }) =>
              new Promise((_resolve, reject) => {
                signal.addEventListener('abort', () => reject(signal.reason), { once: true });
              }),
          },
        ],
      });
      for (let n = 1; n <= 40; n++) {
        const bad = random.pick<() => unknown>([
          () => {
            throw new Error('as told');
          },
          () => Promise.reject(new Error('as told')),
          () => Promise.reject(undefined),
          () => undefined,
          () => Number.NaN,
          () => new Date(),
          () => ({ deep: [1n] }),
        ]);
        const fails = random.chance(0.5);
        next = fails ? bad : () => ({ n });
        if (!fails) given = n;
        await served.send('POST', '/refresh/q', {});
        if (given > 0) same(served.headwater.topic('q').value, { n: given }, 'the value');
      }
      await pause(20);
    },
  },
};

/** Lets the server read what was sent to it before: it then answers, turn by turn, who asks after that. */
async function hasRead({ ask }: Served): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await (await ask('/healthz')).text();
}

function raceOf(urls: string[], more: { hedge?: number }): Sources[number] {
  return {
    topic: 'race',
    every: '1h',
    fetch: { strategy: 'first', urls, timeout: TIMEOUT, retries: 0, ...more },
  };
}

/** Good, slow, or at fault. */
function mood(random: Random, n: number): Answer {
  if (random.chance(0.3)) return good({ n });
  return FAULTS[
    random.pick(['answers 404', 'hangs', 'answers HTML', 'answers garbage', 'hangs in the body'])
  ]!;
}
