import type { ServerResponse } from 'node:http';
import { check, pause, same, until } from '../check.js';
import { followWebSocket } from '../clients/follow.js';
import { keepLedger } from '../ledger.js';
import type { Theme } from '../scenario.js';
import { serve } from '../world/serve.js';
import { startUpstream } from '../world/upstream.js';

/** Upstreams that push by themselves, and break. */
export const push: Theme = {
  policies: 'one',
  scenarios: {
    async 'events of an upstream that is cut resume by its last id, each once'(stage) {
      const { random } = stage;
      const total = 60;
      let made = 0;
      const open = new Set<ServerResponse>();
      const send = (response: ServerResponse, id: number) =>
        response.write(`id: ${id}\ndata: {"n":${id}}\n\n`);
      const upstream = await startUpstream(stage, (request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 1\n\n');
        for (let id = Number(request.headers['last-event-id'] ?? 0) + 1; id <= made; id++) send(response, id);
        open.add(response);
        response.on('close', () => open.delete(response));
      });
      const served = await serve(stage, {
        sources: [
          {
            topic: 'log',
            kind: 'event',
            history: { count: 100 },
            fetch: { stream: upstream.url },
            when: 'always',
          },
        ],
      });
      const ledger = keepLedger(served.headwater, 'log', 'event');
      const follower = await followWebSocket('patch')(stage, served, ledger);
      await until(() => open.size === 1, 'the source is connected');
      let cuts = 0;
      while (made < total) {
        made += 1;
        for (const response of open) send(response, made);
        if (cuts < 2 && made % 20 === 10) {
          cuts += 1;
          await until(() => ledger.version > 0, 'something has come');
          upstream.cut();
        }
        if (random.chance(0.5)) await pause(random.int(0, 3));
      }
      await follower.reaches(total);
      same(ledger.version, total, 'how many events there are');
      for (let n = 1; n <= total; n++) same(ledger.at(n), { n }, `event ${n}`);
    },

    async 'lines that are no JSON are left out, and the rest comes'(stage) {
      const { random } = stage;
      const lines: string[] = [];
      const expected: unknown[] = [];
      for (let n = 0; n < 60; n++) {
        if (random.chance(0.2)) lines.push(random.pick(['{"n":', 'NaN', 'undefined', `${random.text(5)}:`]));
        else {
          const value = { n, more: random.json(2) };
          expected.push(value);
          lines.push(JSON.stringify(value));
        }
      }
      const bytes = Buffer.from(`${lines.join('\n')}\n`);
      const upstream = await startUpstream(stage, async (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        for (let at = 0; at < bytes.length; ) {
          const size = random.int(1, 200);
          response.write(bytes.subarray(at, at + size));
          at += size;
          await pause(0);
        }
      });
      const served = await serve(stage, {
        sources: [
          {
            topic: 'log',
            kind: 'event',
            when: 'always',
            history: { count: 100 },
            fetch: { stream: upstream.url },
          },
        ],
      });
      await until(() => served.headwater.topics().includes('log'), 'the topic is there');
      const log = served.headwater.topic('log');
      await until(() => log.version >= expected.length, 'all good lines have come');
      const kept = (await (await served.ask('/topics/log')).json()) as { event: unknown }[];
      same(
        kept.map(({ event }) => event),
        expected,
        'the events',
      );
    },

    async 'one server follows another that comes and goes'(stage) {
      const { random } = stage;
      const first = await serve(stage, { topics: [{ topic: 'x' }] });
      const second = await serve(stage, {
        sources: [
          { topic: 'y', when: 'always', fetch: { stream: `${first.url}/topics/x`, select: '/value' } },
        ],
      });
      const x = first.headwater.topic('x');
      x.set({ n: 0 });
      const y = second.headwater.topic('y');
      const ledger = keepLedger(second.headwater, 'y');
      const follower = await followWebSocket('patch')(stage, second, ledger);
      for (let n = 1; n <= 40; n++) {
        x.set({ n, more: random.json(2) });
        if (random.chance(0.5)) await pause(random.int(0, 2));
      }
      await until(
        () => (y.value as { n?: number } | undefined)?.n === 40,
        'the second server has the last value',
      );
      await follower.reaches(y.version);
      await first.headwater.close();
      await until(async () => {
        const [listed] = (await (await second.ask('/topics')).json()) as { stale: boolean }[];
        return listed?.stale === true;
      }, 'the second server is stale');
      check((y.value as { n: number }).n === 40, 'the last good value did not stay');
    },

    async 'a generator in code yields until it is told to stop'(stage) {
      const { random } = stage;
      const pauses = Array.from({ length: 60 }, () => random.int(0, 2));
      let ended = false;
      const served = await serve(stage, {
        sources: [
          {
            topic: 'ticks',
            linger: 0,
            fetch: async function* ({ signal }) {
              ended = false;
              try {
                for (const [n, wait] of pauses.entries()) {
                  yield { n };
                  await pause(wait);
                  if (signal.aborted) return;
                }
                await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
              } finally {
                ended = true;
              }
            },
          },
        ],
      });
      await served.ask('/topics');
      const ticks = served.headwater.topic('ticks');
      for (let turn = 0; turn < 3; turn++) {
        let told = 0;
        const stop = ticks.subscribe(() => told++);
        await until(() => told > 2, 'something has come');
        stop();
        await until(() => ended, 'the generator has ended');
      }
    },
  },
};
