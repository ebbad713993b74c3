import { createHeadwater } from '../../../dist/server/index.js';
import { createLogger } from '../../../dist/server/observe/log.js';
import { announce, initialValue, scenario, topicNames } from './side.mjs';

const headwater = await createHeadwater(
  {
    loop: /** @type {'libuv' | 'uws'} */ (process.argv[3]),
    http: { port: scenario.port ?? 0 },
    limits: { connections: 0, acceptPerSecond: 0 },
    ...(scenario.state && { state: { dir: scenario.state } }),
  },
  // Standard output is for the talk with the bench.
  { logger: createLogger({ level: 'error', pretty: false, destination: process.stderr }) },
);
const topics = new Map(topicNames.map((name) => [name, headwater.topic(name, scenario.kind)]));
// One that was kept goes on where it was.
if (scenario.kind === 'state')
  for (const [name, topic] of topics) if (topic.version === 0) topic.set(initialValue(name));

announce(
  headwater.listeners[0].port,
  (name, value) =>
    scenario.kind === 'state' ? topics.get(name)?.set(value) : topics.get(name)?.append(value),
  { versions: () => [...topics.values()].reduce((sum, { version }) => sum + version, 0) },
);
