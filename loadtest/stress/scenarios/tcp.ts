import { check, pause, same, until } from '../check.js';
import { openRaw } from '../clients/raw.js';
import type { Theme } from '../scenario.js';
import { serve } from '../world/serve.js';
import { good, startUpstream } from '../world/upstream.js';

/** The services over raw TCP. */
export const tcp: Theme = {
  policies: 'each',
  scenarios: {
    async 'the echo gives back every byte, in order, also after the client has half closed'(stage) {
      const { random } = stage;
      const { headwater } = await serve(stage, { tcp: { echo: { port: 0 } } });
      const { port } = headwater.listeners.find(({ name }) => name === 'echo')!;
      await Promise.all(
        Array.from({ length: 6 }, async (_, client) => {
          const chance = random.fork(`client ${client}`);
          const raw = await openRaw(stage, port);
          const sent: Buffer[] = [];
          const received: Buffer[] = [];
          const ended = new Promise((resolve) => void raw.on('end', resolve));
          raw.on('data', (bytes) => received.push(bytes));
          for (let n = 0; n < 15; n++) {
            const bytes = Buffer.alloc(chance.int(1, chance.pick([10, 5_000, 300_000])), chance.int(0, 255));
            sent.push(bytes);
            raw.write(bytes);
            if (chance.chance(0.2)) {
              raw.pause();
              await pause(chance.int(0, 3));
              raw.resume();
            }
          }
          raw.end();
          await ended;
          check(Buffer.concat(received).equals(Buffer.concat(sent)), 'the echo is not what was sent');
        }),
      );
    },

    async 'echo connections that are reset leave nothing'(stage) {
      const { random } = stage;
      const { headwater } = await serve(stage, { tcp: { echo: { port: 0 } } });
      const { port } = headwater.listeners.find(({ name }) => name === 'echo')!;
      for (let n = 0; n < 40; n++) {
        const raw = await openRaw(stage, port);
        raw.write(Buffer.alloc(random.int(1, 500_000)));
        if (random.chance(0.5)) raw.pause();
        if (random.chance(0.5)) await pause(random.int(0, 2));
        if (random.chance(0.5)) raw.resetAndDestroy();
        else raw.destroy();
      }
      const last = await openRaw(stage, port);
      last.write('still there');
      await until(() => last.bytesRead > 0 || last.readableLength > 0, 'the echo still answers');
    },

    async 'lines to the race are answered in order, whatever they say'(stage) {
      const { random } = stage;
      const upstream = await startUpstream(stage, (request, response) => {
        setTimeout(
          () => good({ of: request.url!.slice(1) })(request, response),
          request.url === '/a' ? 5 : 0,
        );
      });
      const { headwater } = await serve(stage, {
        tcp: { race: { port: 0 } },
        sources: ['a', 'b', 'c'].map((topic) => ({ topic, every: '1h', fetch: `${upstream.url}/${topic}` })),
      });
      const { port } = headwater.listeners.find(({ name }) => name === 'race')!;
      const raw = await openRaw(stage, port);
      let text = '';
      raw.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      const asked = Array.from({ length: 40 }, () => random.pick(['a', 'b', 'c', 'nobody', 'no topic!']));
      const bytes = Buffer.from(asked.map((name) => `${name}\n`).join(''));
      for (let at = 0; at < bytes.length; ) {
        const size = random.int(1, 20);
        raw.write(bytes.subarray(at, at + size));
        at += size;
        if (random.chance(0.3)) await pause(0);
      }
      await until(() => text.split('\n').length > asked.length, 'every line is answered');
      const answers = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { value?: { of: string }; type?: string });
      same(
        answers.map(({ value, type }) => value?.of ?? type),
        asked.map((name) => (name.length === 1 ? name : 'error')),
        'the answers',
      );
    },

    async 'a client that leaves calls its races off'(stage) {
      const { random } = stage;
      let running = 0;
      const upstream = await startUpstream(stage, (request) => {
        running += 1;
        request.socket.once('close', () => (running -= 1));
      });
      const { headwater } = await serve(stage, {
        tcp: { race: { port: 0 } },
        sources: [{ topic: 'slow', every: '1h', fetch: upstream.url }],
      });
      const { port } = headwater.listeners.find(({ name }) => name === 'race')!;
      for (let n = 0; n < 12; n++) {
        const raw = await openRaw(stage, port);
        raw.write('slow\n'.repeat(random.int(1, 5)));
        // Without a race that runs, the line and the end of the connection may come as one: it is answered then.
        await until(() => running > 0, 'a race runs');
        raw.resetAndDestroy();
        await until(() => running === 0, 'no race runs');
      }
    },
  },
};
