import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import { loadConfig } from '../../server/config/load.js';
import { createLogger } from '../../server/observe/log.js';
import { upstream } from '../support/http-upstream.js';
import { until } from '../support/scripted-servers.js';

const TOKEN = '12345678:ä/hunter2';

it('a secret of the environment in the path of a URL is asked with, and shown nowhere', async () => {
  const server = await upstream();
  server.answer = (_, response) => response.writeHead(404).end();
  const { origin } = new URL(server.url);
  const folder = await mkdtemp(join(tmpdir(), 'headwater-conceal-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const sources = [
    { topic: 'one', every: '1h', fetch: `${origin}/bot\${TOKEN}/one` },
    {
      topic: 'some/{x}',
      every: '1h',
      fetch: { urls: [`${origin}/bot\${TOKEN}/{x}`, `${origin}/\${TOKEN}`], strategy: 'fallback' },
    },
    { topic: 'many/{x}', every: '1h', batch: { url: `${origin}/bot\${TOKEN}/many?x={x}` } },
    { topic: 'flow', fetch: { stream: `${origin}/bot\${TOKEN}/flow` } },
  ];
  const file = join(folder, 'headwater.config.json');
  await writeFile(file, JSON.stringify({ http: { port: 0 }, sources }));
  const { config, variables } = await loadConfig({ file, environment: { TOKEN } });
  let log = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      done();
    },
  });
  const logger = createLogger({ level: 'trace', pretty: false, destination });
  const headwater = await createHeadwater(config, { logger, variables });
  onTestFinished(() => headwater.close());
  const { url } = headwater.listeners[0]!;

  for (const topic of ['one', 'some/x', 'many/x', 'flow']) {
    const answer = await (await fetch(`${url}/topics/${topic}`)).text();
    expect(answer).toContain(`/bot\${TOKEN}/${topic.split('/')[0]!.replace('some', 'x')}`);
    expect(answer).not.toMatch(/12345678|hunter2/);
  }
  await until(() => expect(log).toContain(`bot\${TOKEN}/flow`));
  for (const text of [log, await (await fetch(`${url}/metrics`)).text()])
    expect(text).not.toMatch(/12345678|hunter2/);
  expect(server.requests[0]!.url).toBe('/bot12345678:%C3%A4/hunter2/one');
});
