import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../server/config/schema.js';
import type { FunctionContext } from '../../server/source/source.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'headwater-template-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

describe('the sinks of a template', () => {
  const configOf = (dir: string, fetch: (context: FunctionContext) => unknown): ConfigInput => ({
    sources: [{ topic: 'w/{city}', every: '1h', max: 2, fetch, sinks: [{ file: join(dir, '{city}.json') }] }],
  });
  const filesIn = async (dir: string) =>
    (await readdir(dir)).filter((name) => !/^\.|\.lock$/.test(name)).sort();

  it('are one place for each topic, written to also when it makes room for another', async () => {
    const dir = await folder();
    const { url } = await startServer(configOf(dir, ({ parameters }) => `value of ${parameters.city}`));
    for (const city of ['oslo', 'a:b', '...'])
      expect((await fetch(`${url}/topics/w/${city}`)).status).toBe(200);
    await until(async () =>
      expect(await filesIn(dir)).toEqual(['%2E...json', 'a%3Ab.json', 'oslo.json'].sort()),
    );
    await until(async () =>
      expect(JSON.parse(await readFile(join(dir, 'oslo.json'), 'utf8'))).toBe('value of oslo'),
    );
  });

  it('give a topic that comes back what the one before had still to write', async () => {
    const dir = await folder();
    const unlock = await lock(join(dir, 'oslo.json'), { realpath: false });
    let fetches = 0;
    const { url } = await startServer(
      configOf(dir, ({ parameters: { city } }) => {
        fetches += 1;
        if (city === 'oslo' && fetches > 1) throw new Error('down');
        return `value of ${city}`;
      }),
    );
    for (const city of ['oslo', 'rome', 'bonn']) await fetch(`${url}/topics/w/${city}`);
    const again = fetch(`${url}/topics/w/oslo`);
    await until(() => expect(fetches).toBe(4));
    await unlock();
    expect(await (await again).json()).toBe('value of oslo');
  });

  it('give a topic what they kept, before its source has answered', async () => {
    const dir = await folder();
    const first = await startServer(configOf(dir, () => 'kept'));
    expect(await (await fetch(`${first.url}/topics/w/oslo`)).json()).toBe('kept');
    await first.headwater.close();
    const { url } = await startServer(
      configOf(dir, () => {
        throw new Error('down');
      }),
    );
    expect(await (await fetch(`${url}/topics/w/oslo`)).json()).toBe('kept');
    const topics = (await (await fetch(`${url}/topics`)).json()) as { topic: string; stale: boolean }[];
    expect(topics).toMatchObject([{ topic: 'w/oslo', stale: true }]);
  });
});
