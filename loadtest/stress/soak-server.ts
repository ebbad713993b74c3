/**
 * The server of a soak: changes its topics without end, and tells its parent its port. Asked to `measure`, it waits until all
 * clients are gone and answers with its memory. When the channel to its parent closes it closes, and exits 0 if nothing went wrong.
 */
import { readFileSync } from 'node:fs';
import { createHeadwater } from '../../server/app/app.js';
import { createLogger } from '../../server/observe/log.js';
import type { PolicyName } from '../../test/support/policies.js';
import { reachableBytes } from './leaks.js';
import { createRandom } from './random.js';
import type { SoakMessage } from './soak-process.js';
import { changeDocument, makeDocument } from './world/document.js';

/** Between two changes of each topic, in ms. */
const TICK = 10;
/** How long those that were killed may take to be noticed, in ms. */
const PATIENCE = 60_000;

const random = createRandom(1);
let defects = 0;
const headwater = await createHeadwater(
  {
    loop: process.argv[2] as PolicyName,
    http: { port: 0 },
    drainTimeout: 1_000,
    heartbeat: 2_000,
    limits: { messagesPerSecond: 0, slowTimeout: 3_000 },
    topics: [{ topic: 'board' }, { topic: 'log', kind: 'event' }],
    sources: [
      {
        topic: 'city/{name}',
        every: 50,
        linger: 0,
        max: 50,
        fetch: ({ parameters }) => ({ ...parameters, at: Date.now() }),
      },
    ],
  },
  {
    logger: createLogger({
      level: 'error',
      pretty: false,
      destination: {
        write(line) {
          defects += 1;
          process.stderr.write(line);
        },
      },
    }),
  },
);
const [listener] = headwater.listeners;
const board = headwater.topic('board');
const log = headwater.topic('log');
let document = makeDocument(random, 40);
let ticks = 0;
const ticking = setInterval(() => {
  ticks += 1;
  // Begun anew now and then, so that it stays as large as it is.
  document = ticks % 500 === 0 ? makeDocument(random, 40) : changeDocument(random, document);
  board.set(document);
  log.append({ ticks, text: 'x'.repeat(200) });
}, TICK);

process.send!({ port: listener!.port } satisfies SoakMessage);
process.on('message', async () => {
  const connections = await connectionsLeft();
  const reachable = await reachableBytes();
  const resident = anonymousBytes();
  process.send!({ connections, reachable, resident } satisfies SoakMessage);
});
process.once('disconnect', async () => {
  clearInterval(ticking);
  await headwater.close();
  process.exit(defects > 0 ? 1 : 0);
});

function anonymousBytes(): number {
  return 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

async function connectionsLeft(): Promise<number> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const text = await (await fetch(`${listener!.url}/metrics`)).text();
    const left = Number(/^headwater_connections (\d+)$/m.exec(text)?.[1]);
    if (left === 0 || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
