import { check, pause, same, until } from '../check.js';
import { followWebSocket } from '../clients/follow.js';
import { openTalk } from '../clients/web-socket.js';
import { keepLedger } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { type Served, serve } from '../world/serve.js';
import { startUpstream } from '../world/upstream.js';

const CITIES = Array.from({ length: 12 }, (_, n) => `city${n}`);
/** Those that an upstream may know nothing of. */
const SHY = CITIES.slice(9);

/** Topics that begin when they are asked for, and end when nobody asks any more. */
export const templates: Theme = {
  policies: 'one',
  scenarios: {
    async 'instances start and stop with their subscribers'(stage) {
      const { random } = stage;
      const running = new Map<string, number>();
      const served = await serve(stage, {
        sources: [
          {
            topic: 'weather/{city}',
            every: 20,
            linger: 0,
            fetch: async ({ parameters, signal }) => {
              const city = parameters.city!;
              running.set(city, (running.get(city) ?? 0) + 1);
              check(running.get(city) === 1, `${city} is fetched twice at a time`);
              await pause(1);
              running.set(city, running.get(city)! - 1);
              signal.throwIfAborted();
              return { city, at: performance.now() };
            },
          },
        ],
      });
      const talk = await openTalk(stage, served.wsUrl);
      const wanted = new Set<string>();
      for (let n = 0; n < 120; n++) {
        const city = random.pick(CITIES);
        talk.say({ type: wanted.has(city) ? 'unsubscribe' : 'subscribe', topic: `weather/${city}` });
        if (!wanted.delete(city)) wanted.add(city);
        if (random.chance(0.3)) await pause(random.int(0, 4));
      }
      await until(
        async () => (await awake(served)) === wanted.size,
        'there are as many instances as are wanted',
      );
      for (const city of wanted) {
        const isNews = (message: { type: string; topic?: string }) =>
          (message.type === 'value' || message.type === 'patch') && message.topic === `weather/${city}`;
        const before = talk.inbox.all.filter(isNews).length;
        await until(() => talk.inbox.all.filter(isNews).length > before, `${city} goes on`);
      }
      talk.socket.terminate();
      await until(async () => (await awake(served)) === 0, 'all instances have ended');
    },

    async 'instances beyond the bound evict the idle ones, and refuse when none is'(stage) {
      const { random } = stage;
      const max = random.int(3, 6);
      const served = await serve(stage, {
        sources: [{ topic: 'w/{city}', every: '1h', max, fetch: ({ parameters }) => parameters.city! }],
      });
      for (let n = 0; n < 40; n++) {
        const city = random.pick(CITIES);
        const answer = await served.ask(`/topics/w/${city}`);
        same([answer.status, await answer.json()], [200, city], 'what was read');
        check((await instances(served)) <= max, 'there are more instances than may be');
      }
      const talk = await openTalk(stage, served.wsUrl);
      const chosen = random.shuffle(CITIES);
      for (const city of chosen.slice(0, max)) {
        talk.say({ type: 'subscribe', topic: `w/${city}` });
        same((await talk.hear('value')).value, city, 'the value');
      }
      talk.say({ type: 'subscribe', topic: `w/${chosen[max]!}` });
      same((await talk.hear('error')).code, 'limit', 'the answer to one too many');
    },

    async 'a batch asks for those who are watched, and each gets its own'(stage) {
      const { random } = stage;
      const prices = new Map(CITIES.map((name) => [name, 1]));
      const hidden = new Set<string>();
      const upstream = await startUpstream(stage, (request, response) => {
        const names = new URL(request.url!, 'http://x').searchParams.get('of')!.split(',');
        const known = names.filter((name) => !hidden.has(name));
        const records = known.map((name) => ({ name, price: prices.get(name)! }));
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(records));
      });
      const served = await serve(stage, {
        sources: [
          {
            topic: 'price/{name}',
            every: 15,
            linger: 0,
            batch: { url: `${upstream.url}/?of={name}`, by: 'name', max: 5 },
          },
        ],
      });
      const talk = await openTalk(stage, served.wsUrl);
      const wanted = new Set<string>();
      for (let n = 0; n < 80; n++) {
        const name = random.pick(CITIES);
        talk.say({ type: wanted.has(name) ? 'unsubscribe' : 'subscribe', topic: `price/${name}` });
        if (!wanted.delete(name)) wanted.add(name);
        const moved = random.pick(CITIES);
        prices.set(moved, random.int(1, 1_000));
        if (random.chance(0.2)) {
          const shy = random.pick(SHY);
          if (!hidden.delete(shy)) hidden.add(shy);
        }
        if (random.chance(0.4)) await pause(random.int(0, 8));
      }
      for (const name of CITIES) prices.set(name, random.int(1_001, 2_000));
      // Who was left out is asked for more and more seldom.
      for (const name of wanted) {
        if (SHY.includes(name)) continue;
        const ledger = keepLedger(served.headwater, `price/${name}`);
        const follower = await followWebSocket('patch')(stage, served, ledger);
        await until(() => {
          const held = served.headwater.topic(`price/${name}`).value as { price: number } | undefined;
          return held?.price === prices.get(name);
        }, `${name} has its price`);
        await follower.reaches(ledger.version);
      }
    },
  },
};

/** Instances that there are. */
function instances(served: Served): Promise<number> {
  return gaugeOf(served, 'instances');
}

/** Instances that somebody needs. */
async function awake(served: Served): Promise<number> {
  return (await gaugeOf(served, 'instances')) - (await gaugeOf(served, 'idle_instances'));
}

async function gaugeOf({ ask }: Served, name: string): Promise<number> {
  const text = await (await ask('/metrics')).text();
  return Number(new RegExp(`^headwater_template_${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1]);
}
